"""Sparse autoencoders trained by PyTorch: the loss curves of both variants from the same first weights and
the same batches. Writes `sae.json` beside it.

    .venv/bin/python tests/golden/sae.py

The loss is the squared error as a share of the data's variance. TopK adds 1/32 of what dead features, the
best half as many as there are units, leave of the error, as a share of that error's variance; JumpReLU adds
a cost for every active feature, which rises from 0 in 20 steps. Decoder rows have length 1, and their
gradient has no part along them. Adam with PyTorch's defaults; thresholds learn ten times as fast.
"""

import json
from pathlib import Path

import torch

ROWS, UNITS, FEATURES, BATCH, STEPS, RATE = 128, 12, 24, 32, 80, 3e-3
ACTIVE, COST, DEAD_AFTER, BANDWIDTH = 3, 0.02, 30, 0.05


class Step(torch.autograd.Function):
    """1 above the threshold; a rectangle about it in place of its derivative."""

    @staticmethod
    def forward(ctx, x, threshold):
        ctx.save_for_backward(x, threshold)
        return (x > threshold).to(x.dtype)

    @staticmethod
    def backward(ctx, by_out):
        x, threshold = ctx.saved_tensors
        window = ((x - threshold).abs() < BANDWIDTH / 2).to(x.dtype)
        return None, (-window / BANDWIDTH * by_out).sum(0)


class JumpRelu(torch.autograd.Function):
    """x above the threshold, else 0; the threshold's derivative as above, times the threshold."""

    @staticmethod
    def forward(ctx, x, threshold):
        ctx.save_for_backward(x, threshold)
        return x * (x > threshold)

    @staticmethod
    def backward(ctx, by_out):
        x, threshold = ctx.saved_tensors
        window = ((x - threshold).abs() < BANDWIDTH / 2).to(x.dtype)
        by_threshold = (-threshold * window / BANDWIDTH * by_out).sum(0)
        return (x > threshold) * by_out, by_threshold


def top(answers, k, may=None):
    """The k largest positive answers of each row, others 0."""
    if may is not None:
        answers = answers.masked_fill(~may, -1e9)
    value, place = answers.topk(min(k, answers.shape[1]), dim=1)
    return torch.zeros_like(answers).scatter(1, place, value.relu())


def train(data, first, variant):
    weights = {name: value.clone().requires_grad_() for name, value in first.items()}
    slow = [value for name, value in weights.items() if name != "log_threshold"]
    adam = torch.optim.Adam(
        [
            {"params": slow, "lr": RATE},
            {"params": [weights["log_threshold"]], "lr": 10 * RATE},
        ]
    )
    variance = (data - data.mean(0)).square().sum(1).mean()
    idle = torch.zeros(FEATURES)
    errors, losses, active = [], [], []
    for step in range(STEPS):
        rows = [(step * BATCH + i) % ROWS for i in range(BATCH)]
        x = data[rows]
        answers = (x - weights["centre"]) @ weights["encoder"].T + weights["bias"]
        threshold = weights["log_threshold"].exp()
        code = top(answers, ACTIVE) if variant == "top_k" else JumpRelu.apply(answers, threshold)
        decoded = code @ weights["decoder"] + weights["centre"]
        error = (decoded - x).square().sum(1).mean() / variance
        loss = error
        idle = torch.where((code > 0).any(0), 0, idle + 1)
        dead = idle > DEAD_AFTER
        if variant == "top_k" and dead.any():
            left = (x - decoded).detach()
            made = top(answers, UNITS // 2, dead) @ weights["decoder"]
            share = (made - left).square().sum() / (left - left.mean(0)).square().sum()
            loss = loss + share / 32
        if variant == "jump_relu":
            warm = min(1.0, step / 20)
            loss = loss + COST * warm * Step.apply(answers, threshold).sum(1).mean()
        adam.zero_grad()
        loss.backward()
        decoder = weights["decoder"]
        with torch.no_grad():
            decoder.grad -= (decoder.grad * decoder).sum(1, keepdim=True) * decoder
        adam.step()
        with torch.no_grad():
            decoder /= decoder.norm(dim=1, keepdim=True)
        errors.append(error.item())
        losses.append(loss.item())
        active.append((code > 0).sum(1).float().mean().item())
    rounded = lambda values: [float(f"{value:.6g}") for value in values]
    return {"errors": rounded(errors), "losses": rounded(losses), "active": rounded(active)}


def main():
    torch.manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(16, UNITS), dim=1)
    strengths = torch.rand(ROWS, 16) * (torch.rand(ROWS, 16) < 0.15)
    data = (strengths * 3) @ directions + 0.05 * torch.randn(ROWS, UNITS)
    data = (data * 1e4).round() / 1e4
    decoder = torch.nn.functional.normalize(torch.randn(FEATURES, UNITS), dim=1)
    first = {
        "encoder": decoder.clone(),
        "decoder": decoder,
        # Some features begin so far below zero that they are dead until they are revived.
        "bias": torch.tensor([-0.2 if f % 6 else -2.0 for f in range(FEATURES)]),
        "centre": data.mean(0),
        "log_threshold": torch.full((FEATURES,), 0.1).log(),
    }
    flat = lambda value: [float(f"{x:.8g}") for x in value.flatten().tolist()]
    out = {
        "source": {"package": "torch", "version": torch.__version__, "seed": 0},
        "data": flat(data),
        "first": {name: flat(value) for name, value in first.items()},
        "settings": {"rows": ROWS, "units": UNITS, "batch": BATCH, "rate": RATE, "active": ACTIVE, "cost": COST},
        "top_k": train(data, first, "top_k"),
        "jump_relu": train(data, first, "jump_relu"),
    }
    text = json.dumps(out, sort_keys=True, separators=(",", ":")) + "\n"
    Path(__file__).with_suffix(".json").write_text(text)
    print(len(text), "bytes")
    for variant in ("top_k", "jump_relu"):
        print(variant, out[variant]["losses"][::10], out[variant]["active"][::10])


if __name__ == "__main__":
    main()
