"""Write the golden files: what the reference libraries say, for the Rust tests to read.

    python make.py [tictactoe] [connect4] [cartpole] [mlp] [convnet] [transformer] [ppo]
        [decomposition] [probes] [attribution]

Without a name it writes all.

Every draw is seeded, keys are sorted and numbers rounded, so a second run writes the same bytes.
README.md describes the formats.
"""

import argparse
import importlib.metadata
import json
import pathlib
import random

HERE = pathlib.Path(__file__).parent
MAX_BYTES = 300_000
# Random starts of each NMF, of which the best is kept.
RESTARTS = 5


# --- Board games: OpenSpiel ------------------------------------------------------------------


def read_board(state):
    """The cells row by row from the top: 0 empty, 1 the first player's (x), 2 the second's (o)."""
    return [".xo".index(c) for c in str(state) if c in ".xo"]


def play_random_game(game, rng):
    """One game of uniformly random legal moves; list entry t describes the state after t moves."""
    import pyspiel

    state = game.new_initial_state()
    record = {k: [] for k in ("actions", "boards", "players", "legal", "terminal", "returns")}
    while True:
        over = state.is_terminal()
        record["boards"].append(read_board(state))
        record["players"].append(None if over else state.current_player())
        record["legal"].append([] if over else state.legal_actions())
        record["terminal"].append(over)
        record["returns"].append([int(r) for r in state.returns()])
        if over:
            assert state.current_player() == pyspiel.PlayerId.TERMINAL
            return record
        action = rng.choice(state.legal_actions())
        record["actions"].append(action)
        state.apply_action(action)


def solve(state, solved):
    """Exact value of `state` to the player to move; fills `solved`: board → (player, value, best)."""
    if state.is_terminal():
        # Asked for by the parent, so to the player who would move next: the loser of a won game.
        return state.returns()[state.move_number() % 2]
    key = tuple(read_board(state))
    if key not in solved:
        values = {a: -solve(state.child(a), solved) for a in state.legal_actions()}
        value = max(values.values())
        best = sorted(a for a, v in values.items() if v == value)
        solved[key] = (state.current_player(), int(value), best)
    return solved[key][1]


def make_tictactoe():
    """200 random games, and the game's exact solution at 100 positions."""
    import pyspiel

    seed, rng = 1, random.Random(1)
    game = pyspiel.load_game("tic_tac_toe")
    games = [play_random_game(game, rng) for _ in range(200)]

    solved = {}
    solve(game.new_initial_state(), solved)
    values = [value for _, value, _ in solved.values()]
    positions = [
        {"board": list(board), "player": player, "value": value, "optimal": best}
        for board, (player, value, best) in rng.sample(sorted(solved.items()), 100)
    ]
    minimax = {
        "num_positions": len(solved),
        "num_by_value": {str(v): values.count(v) for v in (-1, 0, 1)},
        "positions": positions,
    }
    return {"source": source("open_spiel", seed), "games": games, "minimax": minimax}


def make_connect4():
    """100 random games: 99 as they come, then the first drawn one (about 1 in 400 is)."""
    import pyspiel

    seed, rng = 2, random.Random(2)
    game = pyspiel.load_game("connect_four")
    games = [play_random_game(game, rng) for _ in range(99)]
    while True:
        last = play_random_game(game, rng)
        if last["returns"][-1] == [0, 0]:
            return {"source": source("open_spiel", seed), "games": [*games, last]}


# --- Networks: PyTorch -----------------------------------------------------------------------
#
# Weights and data are float32 numbers; the arithmetic is float64, so that the rounded results do
# not depend on the machine's order of summation. A float32 implementation agrees within 1e-5.
# The two seeds are chosen so that no ReLU input lies within 4e-4 of its kink and few units are dead.


def build_mlp():
    """18 → 16 → 16 → policy 9, value 1; returns the module and its forward with sites."""
    import torch
    from torch import nn

    net = nn.Module()
    net.blocks = nn.ModuleList([nn.Linear(18, 16), nn.Linear(16, 16)])
    net.policy, net.value = nn.Linear(16, 9), nn.Linear(16, 1)

    def forward(x):
        sites = {}
        h = x.flatten(1)  # [batch, 18]
        for i, block in enumerate(net.blocks):
            sites[f"blocks.{i}.pre"] = h = block(h)  # [batch, 16]
            sites[f"blocks.{i}.post"] = h = torch.relu(h)  # [batch, 16]
        return net.policy(h), torch.tanh(net.value(h)).squeeze(1), sites

    return net, forward


def build_convnet():
    """Stem, two residual blocks, policy and value heads on [batch, 2, 3, 3]."""
    import torch
    from torch import nn

    net = nn.Module()
    net.stem = nn.Conv2d(2, 8, 3, padding=1)
    net.blocks = nn.ModuleList(
        nn.ModuleDict({c: nn.Conv2d(8, 8, 3, padding=1) for c in ("conv1", "conv2")})
        for _ in range(2)
    )
    net.policy = nn.ModuleDict({"conv": nn.Conv2d(8, 2, 1), "linear": nn.Linear(18, 9)})
    net.value = nn.ModuleDict(
        {"conv": nn.Conv2d(8, 1, 1), "hidden": nn.Linear(9, 16), "linear": nn.Linear(16, 1)}
    )

    def forward(x):
        sites = {}
        sites["stem.post"] = h = torch.relu(net.stem(x))  # [batch, 8, 3, 3]
        for i, block in enumerate(net.blocks):
            sites[f"blocks.{i}.mid"] = mid = torch.relu(block["conv1"](h))  # [batch, 8, 3, 3]
            sites[f"blocks.{i}.out"] = h = torch.relu(h + block["conv2"](mid))  # [batch, 8, 3, 3]
        sites["policy.features"] = p = torch.relu(net.policy["conv"](h))  # [batch, 2, 3, 3]
        sites["value.features"] = v = torch.relu(net.value["conv"](h))  # [batch, 1, 3, 3]
        sites["value.hidden"] = v = torch.relu(net.value["hidden"](v.flatten(1)))  # [batch, 16]
        logits = net.policy["linear"](p.flatten(1))  # [batch, 9]
        return logits, torch.tanh(net.value["linear"](v)).squeeze(1), sites

    return net, forward


def build_transformer():
    """Two blocks of two heads of four units, on nine tokens of [batch, 2, 3, 3]."""
    import torch
    from torch import nn

    heads, width, hidden = 2, 8, 16

    def build_block():
        attn = nn.ModuleDict({n: nn.Linear(width, width, bias=n != "k") for n in ("q", "k", "v", "out")})
        mlp = nn.ModuleDict({"hidden": nn.Linear(width, hidden), "out": nn.Linear(hidden, width)})
        return nn.ModuleDict({"attn": attn, "mlp": mlp})

    net = nn.Module()
    net.embed = nn.Linear(2, width)
    net.position = nn.Parameter(torch.randn(1, 9, width) / 2)
    net.blocks = nn.ModuleList(build_block() for _ in range(2))
    net.policy, net.value = nn.Linear(9 * width, 9), nn.Linear(9 * width, 1)

    def forward(x):
        batch, sites = len(x), {}

        def tap(name, h):  # [batch, token, unit] to [batch, unit, token]
            sites[name] = h.transpose(1, 2)
            return h

        h = tap("embed", net.embed(x.flatten(2).transpose(1, 2)) + net.position)
        for i, block in enumerate(net.blocks):
            attn, mlp, at = block["attn"], block["mlp"], f"blocks.{i}"
            q, k, v = (attn[part](h).reshape(batch, 9, heads, -1).transpose(1, 2) for part in "qkv")
            pattern = torch.softmax(q @ k.transpose(2, 3) / (width / heads) ** 0.5, 3)
            z = pattern @ v  # [batch, head, token, unit]
            for name, part in zip("qkvz", (q, k, v, z)):
                sites[f"{at}.attn.{name}"] = part.transpose(2, 3)  # [batch, head, unit, token]
            sites[f"{at}.attn.pattern"] = pattern  # [batch, head, query, key]
            written = tap(f"{at}.attn_out", attn["out"](z.transpose(1, 2).reshape(batch, 9, width)))
            h = tap(f"{at}.resid_mid", h + written)
            hidden_units = tap(f"{at}.mlp.post", torch.relu(mlp["hidden"](h)))
            h = tap(f"{at}.resid_post", h + tap(f"{at}.mlp_out", mlp["out"](hidden_units)))
        read = h.flatten(1)  # [batch, token × unit]
        return net.policy(read), torch.tanh(net.value(read)).squeeze(1), sites

    return net, forward


def draw_batch(rng, batch):
    """Random boards as two 0/1 planes, the empty cells as legal moves, random targets."""
    boards = []
    for _ in range(batch):
        cells = [0] * 3 + rng.choices([0, 1, 2], k=6)  # at least three legal moves
        rng.shuffle(cells)
        boards.append(cells)
    x = [[[float(c == plane) for c in b] for plane in (1, 2)] for b in boards]
    legal = [[float(c == 0) for c in b] for b in boards]
    pi = []
    for row in legal:
        weights = [m * rng.randint(1, 100) for m in row]
        target = [round(w / sum(weights), 6) for w in weights]
        top = target.index(max(target))
        target[top] = round(target[top] + 1 - sum(target), 6)
        pi.append(target)
    z = [float(i % 3 - 1) for i in range(batch)]
    rng.shuffle(z)
    return x, legal, pi, z


def alphazero_loss(logits, value, legal, pi, z):
    """Cross-entropy to the search's policy over legal moves, plus the squared error of the value."""
    import torch

    masked = torch.where(legal > 0, logits, torch.full_like(logits, -1e9))
    policy_loss = -(pi * torch.log_softmax(masked, 1)).sum(1).mean()
    value_loss = ((z - value) ** 2).mean()
    return policy_loss + value_loss, policy_loss, value_loss


def make_network(build, seed, batch, shape, scale=2, kinks=lambda site: True):
    """Forward, loss, gradients and Adam of one network on one random batch."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = random.Random(seed)
    net, forward = build()
    x, legal, pi, z = (torch.tensor(t).double() for t in draw_batch(rng, batch))
    x = x.reshape(batch, *shape)
    net.double()
    with torch.no_grad():
        for p in net.parameters():  # larger than by default, six decimals, as float32
            p.copy_(torch.round(scale * p, decimals=6).float())

    def loss_now():
        logits, value, sites = forward(x)
        return (logits, value, sites, *alphazero_loss(logits, value, legal, pi, z))

    logits, value, sites, loss, policy_loss, value_loss = loss_now()
    loss.backward()
    kinked = [t for name, t in sites.items() if kinks(name)]
    assert min(t[t != 0].abs().min() for t in kinked) > 1e-3, "a unit too close to its kink"
    out = {
        "source": source("torch", seed),
        "parameters": {n: tensor(p, decimals=6) for n, p in net.named_parameters()},
        "input": tensor(x),
        "legal": tensor(legal),
        "target_policy": tensor(pi, decimals=6),
        "target_value": tensor(z),
        "logits": tensor(logits),
        "value": tensor(value),
        "sites": {n: tensor(t) for n, t in sites.items()},
        "loss": number(loss),
        "policy_loss": number(policy_loss),
        "value_loss": number(value_loss),
        "gradients": {n: tensor(p.grad) for n, p in net.named_parameters()},
    }

    adam = {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-5}
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-5)
    optimiser.step()
    adam["parameters_after_1"] = {n: tensor(p) for n, p in net.named_parameters()}
    adam["losses_after"] = []
    for _ in range(5):
        optimiser.zero_grad()
        loss = loss_now()[3]
        adam["losses_after"].append(number(loss))
        loss.backward()
        optimiser.step()
    out["adam"] = adam
    return out


def make_mlp():
    return make_network(build_mlp, seed=82, batch=8, shape=(18,))


def make_convnet():
    return make_network(build_convnet, seed=95, batch=4, shape=(2, 3, 3))


def make_transformer():
    kinks = lambda site: site.endswith("mlp.post")
    return make_network(build_transformer, seed=94, batch=3, shape=(2, 3, 3), scale=1.25, kinks=kinks)


# --- PPO: PyTorch -----------------------------------------------------------------------------

PPO = {
    "clip": 0.2, "entropy_coefficient": 0.01, "value_coefficient": 0.5, "max_gradient_norm": 0.5,
    "learning_rate": 2.5e-3, "num_minibatches": 4, "num_epochs": 4, "updates": 10, "update": 3,
    "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-5,
}  # fmt: skip
PPO_NETWORKS = {
    "separate_tanh": {"separate": True, "activation": "tanh"},
    "shared_relu": {"separate": False, "activation": "relu"},
}


def build_actor_critic(separate, activation):
    """18 → 8 → 8 → policy 9, value 1 without bound, on two trunks or on one."""
    import torch
    from torch import nn

    net = nn.Module()
    net.blocks = nn.ModuleList([nn.Linear(18, 8), nn.Linear(8, 8)])
    if separate:
        net.value_blocks = nn.ModuleList([nn.Linear(18, 8), nn.Linear(8, 8)])
    net.policy, net.value = nn.Linear(8, 9), nn.Linear(8, 1)

    def trunk(blocks, h):
        for block in blocks:
            h = getattr(torch, activation)(block(h))  # [batch, 8]
        return h

    def forward(x):
        h = trunk(net.blocks, x)
        v = trunk(net.value_blocks, x) if separate else h
        return net.policy(h), net.value(v).squeeze(1)

    return net, forward


def ppo_losses(forward, batch, clip_values, normalize_advantages):
    """The parts of the loss, and how near any number lies to where a gradient jumps."""
    import torch

    clip = PPO["clip"]
    logits, value = forward(batch["input"])
    masked = torch.where(batch["legal"] > 0, logits, torch.full_like(logits, -1e9))
    policy = torch.distributions.Categorical(logits=masked)
    log_ratio = policy.log_prob(batch["action"]) - batch["log_prob"]
    ratio = log_ratio.exp()
    advantage = batch["advantage"]
    if normalize_advantages:
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    surrogate = torch.min(advantage * ratio, advantage * ratio.clamp(1 - clip, 1 + clip))
    error = (value - batch["target"]) ** 2
    moved = value - batch["value"]
    if clip_values:
        held = batch["value"] + moved.clamp(-clip, clip)
        error = torch.max(error, (held - batch["target"]) ** 2)
    margin = torch.cat([(ratio - 1).abs() - clip, moved.abs() - clip]).abs().min()
    return {
        "policy_loss": -surrogate.mean(),
        "value_loss": 0.5 * error.mean(),
        "entropy": policy.entropy().mean(),
        "kl": (ratio - 1 - log_ratio).mean(),
        "clip_fraction": ((ratio - 1).abs() > clip).double().mean(),
    }, margin


def ppo_total(parts):
    """What is minimised."""
    bonus = PPO["entropy_coefficient"] * parts["entropy"]
    return parts["policy_loss"] - bonus + PPO["value_coefficient"] * parts["value_loss"]


def ppo_update(net, forward, batch, order):
    """One update's epochs over the rows in `order`: what each step saw, and the weights it led to."""
    import torch

    rate = PPO["learning_rate"] * (1 - PPO["update"] / PPO["updates"])
    betas = (PPO["beta_1"], PPO["beta_2"])
    optimiser = torch.optim.Adam(net.parameters(), lr=rate, betas=betas, eps=PPO["epsilon"])
    size = -(-len(order[0]) // PPO["num_minibatches"])
    steps = []
    for rows in order:
        for start in range(0, len(rows), size):
            chunk = torch.tensor(rows[start : start + size])
            minibatch = {k: t[chunk] for k, t in batch.items()}
            parts, margin = ppo_losses(forward, minibatch, True, True)
            assert margin > 1e-5, "a number too close to the clip"
            optimiser.zero_grad()
            ppo_total(parts).backward()
            norm = torch.nn.utils.clip_grad_norm_(net.parameters(), PPO["max_gradient_norm"])
            steps.append({k: number(v) for k, v in [*parts.items(), ("gradient_norm", norm)]})
            optimiser.step()
    norms = [step["gradient_norm"] for step in steps]
    assert min(norms) < PPO["max_gradient_norm"] < max(norms), "both kinds of step are wanted"
    return {
        "learning_rate": number(rate),
        "order": order,
        "steps": steps,
        "parameters_after": {n: tensor(p) for n, p in net.named_parameters()},
    }


def make_ppo_network(seed, settings):
    """Losses, gradients and an update of one network on rows whose policy and values were others."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = random.Random(seed)
    rows, clip = 30, PPO["clip"]
    net, forward = build_actor_critic(**settings)
    net.double()
    with torch.no_grad():
        for p in net.parameters():  # twice the default scale, six decimals, as float32
            p.copy_(torch.round(2 * p, decimals=6).float())
    x, legal, _, _ = draw_batch(rng, rows)
    x, legal = torch.tensor(x).double().reshape(rows, 18), torch.tensor(legal).double()
    action = torch.tensor([rng.choice([a for a in range(9) if row[a]]) for row in legal.tolist()])

    def noise(scale):
        return torch.tensor([rng.uniform(-scale, scale) for _ in range(rows)]).double()

    with torch.no_grad():
        logits, value = forward(x)
        log_probs = torch.log_softmax(torch.where(legal > 0, logits, -1e9), 1)
        played = log_probs.gather(1, action[:, None])[:, 0]
    advantage = noise(1.5).round(decimals=4)
    batch = {
        "input": x,
        "legal": legal,
        "action": action,
        "log_prob": (played + noise(0.5)).round(decimals=6),
        "advantage": advantage,
        "value": (old := (value + noise(0.5)).round(decimals=4)),
        "target": (old + advantage).round(decimals=4),
    }
    for moved in ((played - batch["log_prob"]).exp() - 1, value - old):
        assert min(moved) < -clip and max(moved) > clip, "both sides are wanted beyond the clip"
        for beyond in (moved < -clip, moved > clip):
            assert (advantage[beyond] < 0).any() and (advantage[beyond] > 0).any()
    cases = []
    for clip_values in (False, True):
        for normalize_advantages in (False, True):
            parts, margin = ppo_losses(forward, batch, clip_values, normalize_advantages)
            assert margin > 1e-3, "a number too close to the clip"
            net.zero_grad()
            (total := ppo_total(parts)).backward()
            cases.append({
                "clip_values": clip_values,
                "normalize_advantages": normalize_advantages,
                "losses": {k: number(v) for k, v in [*parts.items(), ("total", total)]},
                "gradients": {n: tensor(p.grad) for n, p in net.named_parameters()},
            })
    parameters = {n: tensor(p, decimals=6) for n, p in net.named_parameters()}
    order = [rng.sample(range(rows), rows) for _ in range(PPO["num_epochs"])]
    return {
        **settings,
        "parameters": parameters,
        "batch": {k: tensor(t, decimals=6) for k, t in batch.items()},
        "cases": cases,
        "update": ppo_update(net, forward, batch, order),
    }


def make_ppo():
    seed = 7
    networks = {name: make_ppo_network(seed, s) for name, s in PPO_NETWORKS.items()}
    return {"source": source("torch", seed), "settings": PPO, "networks": networks}


# --- Control: gymnasium -----------------------------------------------------------------------


def make_cartpole():
    """Random states, each pushed both ways."""
    import gymnasium

    seed = 17
    rng = random.Random(seed)
    env = gymnasium.make("CartPole-v1").unwrapped
    names = ("x", "x_dot", "theta", "theta_dot")
    steps = []
    for _ in range(50):
        state = [rng.uniform(-bound, bound) for bound in (2.4, 3.0, 0.2095, 3.0)]
        for action in (0, 1):
            env.reset(seed=0)
            env.state = tuple(state)
            observation, reward, terminated, truncated, _ = env.step(action)
            steps.append({
                "state": dict(zip(names, state)),
                "action": action,
                "next": dict(zip(names, map(float, env.state))),
                "observation": [float(x) for x in observation],
                "reward": float(reward),
                "terminated": bool(terminated),
            })
            assert not truncated
    return {"source": source("gymnasium", seed), "steps": steps}


# --- Decompositions: scikit-learn ------------------------------------------------------------


def make_decomposition():
    """A matrix of six noisy parts: the least error of NMF at some ranks, and the variances of PCA."""
    import numpy as np
    from sklearn.decomposition import NMF, PCA

    seed, rows, columns, parts = 23, 60, 16, 6
    rng = random.Random(seed)

    def rectified(*shape):
        draws = [max(0.0, rng.gauss(0, 1)) for _ in range(shape[0] * shape[1])]
        return np.array(draws).reshape(shape)

    matrix = rectified(rows, parts) @ rectified(parts, columns) + 0.3 * rectified(rows, columns)
    matrix = matrix.round(4)

    def least_error(rank):
        settings = {"init": "random", "solver": "cd", "tol": 1e-8, "max_iter": 5000}
        fits = [NMF(rank, random_state=r, **settings).fit(matrix) for r in range(RESTARTS)]
        return number(min(fit.reconstruction_err_ for fit in fits) ** 2)

    return {
        "source": source("scikit-learn", seed),
        "matrix": {"shape": [rows, columns], "data": [number(x, 4) for x in matrix.flatten()]},
        "nmf": [{"rank": rank, "error": least_error(rank)} for rank in (1, 2, 4, 6, 8)],
        "pca": [number(x) for x in PCA().fit(matrix).explained_variance_],
    }


# --- Probes: scikit-learn ----------------------------------------------------------------------


def make_probes():
    """Linear probes on made features: a rare class and a number, with L2 and L1 penalties."""
    import numpy
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import Lasso, LogisticRegression, Ridge

    seed, count, width = 23, 80, 6
    rng = numpy.random.default_rng(seed)
    x = rng.normal(size=(count, width))
    x[:, 1] += 0.8 * x[:, 0]
    x = numpy.round((x - x.mean(0)) / x.std(0), 6)
    truth = x @ numpy.array([1.5, -1.0, 0.5, 0, 0, 0])
    classes = numpy.where(truth + rng.normal(size=count) > 1.2, 1, -1)
    numbers = truth + rng.normal(size=count)
    numbers = numpy.round((numbers - numbers.mean()) / numbers.std(), 6)
    x -= x.mean(0)
    numbers -= numbers.mean()

    # Each class weighs a half, so scikit-learn's C is one over penalty times rows.
    def logistic(penalty, **settings):
        return LogisticRegression(
            C=1 / (penalty * count), class_weight="balanced", tol=1e-9, max_iter=100_000, **settings
        ).fit(x, classes)

    def found(model):
        weights = [*numpy.ravel(model.coef_), *numpy.ravel(model.intercept_)]
        return [number(w) for w in weights]

    penalties = (0.001, 0.01, 0.1)
    sparse = {"solver": "saga", "l1_ratio": 1, "random_state": seed}
    exact = {"tol": 1e-9, "max_iter": 100_000}

    # Rows held out, and how often the probes are right about them.
    held_x = numpy.round(rng.normal(size=(1000, width)), 3)
    held_x[:, 1] = numpy.round(held_x[:, 1] + 0.8 * held_x[:, 0], 3)
    held_truth = held_x @ numpy.array([1.5, -1.0, 0.5, 0, 0, 0])
    held_classes = numpy.where(held_truth + rng.normal(size=1000) > 1.2, 1, -1)
    fits = {"logistic": {}, "sparse_logistic": sparse}

    # Fisher's direction at length 1, with the threshold half-way between the classes' means.
    weights = LinearDiscriminantAnalysis(solver="lsqr").fit(x, classes).coef_[0]
    weights /= numpy.linalg.norm(weights)
    middle = (x[classes > 0].mean(0) + x[classes < 0].mean(0)) / 2
    return {
        "held_out": {
            "features": [number(v) for v in held_x.flatten()],
            "classes": [int(c) for c in held_classes],
            "accuracy": {
                kind: [number(logistic(p, **how).score(held_x, held_classes)) for p in penalties]
                for kind, how in fits.items()
            },
        },
        "discriminant": [number(w) for w in (*weights, -(middle @ weights))],
        "source": source("scikit-learn", seed),
        "width": width,
        "features": [number(v) for v in x.flatten()],
        "classes": [int(c) for c in classes],
        "numbers": [number(v) for v in numbers],
        "penalties": list(penalties),
        "logistic": [found(logistic(p)) for p in penalties],
        "sparse_logistic": [found(logistic(p, **sparse)) for p in penalties],
        "ridge": [found(Ridge(alpha=p * count).fit(x, numbers)) for p in penalties],
        "sparse_ridge": [found(Lasso(alpha=p, **exact).fit(x, numbers)) for p in penalties],
    }


# --- Attribution: PyTorch ---------------------------------------------------------------------


def observe(board):
    """The first player's view: own stones, then the other's."""
    return [float(c == plane) for plane in (1, 2) for c in board]


def make_attribution():
    """Integrated gradients, and edge attribution patching with one input and with several."""
    import torch

    seed = 65
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    net, forward = build_mlp()
    net.double()
    with torch.no_grad():
        for p in net.parameters():  # as the other networks have it
            p.copy_(torch.round(2 * p, decimals=6).float())
    boards = [[1, 0, 2, 2, 1, 0, 0, 0, 0], [0, 1, 2, 2, 1, 0, 0, 0, 0]]
    clean, corrupt = (torch.tensor([observe(b)]).double() for b in boards)

    def from_site(site, h):
        """Logits, value and sites with `site` at `h`."""
        if site == "obs":
            return forward(h)
        h, start = torch.relu(h) if site.endswith("pre") else h, int(site.split(".")[1]) + 1
        sites = {}
        for i, block in list(enumerate(net.blocks))[start:]:
            sites[f"blocks.{i}.pre"] = h = block(h)
            sites[f"blocks.{i}.post"] = h = torch.relu(h)
        return net.policy(h), torch.tanh(net.value(h)).squeeze(1), sites

    def legal(board):
        return [i for i, c in enumerate(board) if c == 0]

    def best(x, board):
        logits = forward(x)[0][0]
        return sorted(legal(board), key=lambda a: -logits[a])

    first, second = best(clean, boards[0])[:2]
    other = best(corrupt, boards[1])[0]
    assert first != other and first in legal(boards[1]) and other in legal(boards[0])
    targets = {
        "preference": lambda logits, value: logits[:, first] - logits[:, second],
        "logit": lambda logits, value: logits[:, first],
        "log_probability": lambda logits, value: torch.log_softmax(logits[:, legal(boards[0])], 1)[
            :, legal(boards[0]).index(first)
        ],
        "value": lambda logits, value: value,
    }

    def away_from_kinks(sites):
        assert min(t.abs().min() for n, t in sites.items() if n.endswith("pre")) > 1e-5

    integrated = []
    for target, site, baseline, steps in (
        ("preference", "obs", "zero", 16),
        ("preference", "obs", "corrupt", 16),
        ("preference", "blocks.0.post", "corrupt", 8),
        ("logit", "obs", "zero", 16),
        ("log_probability", "obs", "zero", 16),
        ("value", "obs", "zero", 16),
        ("value", "blocks.1.post", "zero", 8),
    ):
        at = lambda x: x if site == "obs" else forward(x)[2][site]
        point = at(clean).detach()
        start = torch.zeros_like(point) if baseline == "zero" else at(corrupt).detach()
        shares = (torch.arange(steps).double() + 0.5) / steps
        path = (start + shares[:, None] * (point - start)).requires_grad_()
        logits, value, sites = from_site(site, path)
        if sites:
            away_from_kinks(sites)
        targets[target](logits, value).sum().backward()
        attributed = (point - start) * path.grad.mean(0)
        with torch.no_grad():
            ends = [targets[target](*from_site(site, z)[:2])[0] for z in (point, start)]
        integrated.append({
            "target": target, "site": site, "baseline": baseline, "steps": steps,
            "values": tensor(attributed[0]), "difference": number(ends[0] - ends[1]),
        })  # fmt: skip

    def difference(logits):
        return logits[:, first] - logits[:, other]

    links = []
    for direction, steps in (("denoise", 1), ("noise", 1), ("denoise", 5)):
        into, donor = (corrupt, clean) if direction == "denoise" else (clean, corrupt)
        shares = torch.arange(steps).double() / steps
        path = into + shares[:, None] * (donor - into)
        logits, _, sites = forward(path)
        away_from_kinks(sites)
        for t in (*sites.values(), logits):
            t.retain_grad()
        scale = (difference(forward(donor)[0]) - difference(forward(into)[0])).detach()
        (difference(logits) / scale).sum().backward()
        outputs = {"obs": path} | {n: t for n, t in sites.items() if n.endswith("post")}
        changes = {n: (forward(donor)[2] | {"obs": donor})[n] - (forward(into)[2] | {"obs": into})[n] for n in outputs}
        inputs = [*((f"blocks.{i}", b, sites[f"blocks.{i}.pre"]) for i, b in enumerate(net.blocks)), ("policy", net.policy, logits)]
        scores = {}
        for (name, layer, pre), source_name in zip(inputs, outputs):
            # Change of u, times the weight from u to v, times the gradient at the input of v.
            score = changes[source_name] * layer.weight * pre.grad.mean(0)[:, None]
            scores[name if name == "policy" else f"{name}.post"] = tensor(score)
        links.append({"direction": direction, "steps": steps, "scores": scores})

    return {
        "source": source("torch", seed),
        "parameters": {n: tensor(p, decimals=6) for n, p in net.named_parameters()},
        "boards": boards,
        "integrated_gradients": integrated,
        "links": links,
    }


# --- Writing ---------------------------------------------------------------------------------


def source(package, seed):
    """Where the numbers come from."""
    return {"package": package, "version": importlib.metadata.version(package), "seed": seed}


def number(x, decimals=None):
    """Eight significant digits (or so many decimals); whole numbers as integers."""
    x = float(x.detach() if hasattr(x, "detach") else x)
    x = round(x, decimals) if decimals else float(f"{x:.8g}")
    return int(x) if x == int(x) else x


def tensor(t, decimals=None):
    """Shape and row-major data."""
    data = [number(x, decimals) for x in t.detach().flatten().tolist()]
    return {"shape": list(t.shape), "data": data}


MAKERS = {
    "tictactoe": make_tictactoe,
    "connect4": make_connect4,
    "cartpole": make_cartpole,
    "mlp": make_mlp,
    "convnet": make_convnet,
    "transformer": make_transformer,
    "ppo": make_ppo,
    "decomposition": make_decomposition,
    "probes": make_probes,
    "attribution": make_attribution,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="name", help=" · ".join(MAKERS))
    names = parser.parse_args().names or list(MAKERS)
    if unknown := set(names) - set(MAKERS):
        parser.error(f"unknown {sorted(unknown)}; choose from {list(MAKERS)}")
    for name in names:
        text = json.dumps(MAKERS[name](), sort_keys=True, separators=(",", ":")) + "\n"
        assert len(text) < MAX_BYTES, f"{name}: {len(text)} bytes"
        (HERE / f"{name}.json").write_text(text)
        print(f"{name}.json {len(text)} bytes")


if __name__ == "__main__":
    main()
