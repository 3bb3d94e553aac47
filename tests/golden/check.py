"""Check the golden files without the libraries that made them: plain Python rules, numpy networks.

    python check.py

Replays every game, solves tic-tac-toe anew, recomputes every forward pass, takes every gradient by
central differences, and Adam from its equations.
"""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent


def load(name):
    return json.loads((HERE / f"{name}.json").read_text())


# --- Board games -----------------------------------------------------------------------------


def lines(rows, cols, length):
    """Every straight line of `length` cells."""
    out = []
    for r in range(rows):
        for c in range(cols):
            for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
                cells = [(r + i * dr, c + i * dc) for i in range(length)]
                if all(0 <= y < rows and 0 <= x < cols for y, x in cells):
                    out.append([y * cols + x for y, x in cells])
    return out


def winner(board, all_lines):
    for line in all_lines:
        first = board[line[0]]
        if first and all(board[i] == first for i in line):
            return first
    return 0


def check_games(name, rows, cols, length, drops):
    """Replays the games; with `drops` an action is a column, else a cell."""
    all_lines = lines(rows, cols, length)
    ends = {"first": 0, "second": 0, "draw": 0}
    states = 0
    for game in load(name)["games"]:
        board = [0] * (rows * cols)
        for t in range(len(game["boards"])):
            won = winner(board, all_lines)
            free = [a for a in range(cols if drops else rows * cols) if not board[a]]
            over = bool(won) or not free
            assert game["boards"][t] == board
            assert game["terminal"][t] is over
            assert game["players"][t] == (None if over else t % 2)
            assert game["legal"][t] == ([] if over else free)
            assert game["returns"][t] == {0: [0, 0], 1: [1, -1], 2: [-1, 1]}[won]
            states += 1
            if over:
                assert len(game["actions"]) == t
                ends[("draw", "first", "second")[won]] += 1
                break
            a = game["actions"][t]
            if drops:
                a = max(a + cols * r for r in range(rows) if not board[a + cols * r])
            board[a] = t % 2 + 1
    print(f"{name}: {len(load(name)['games'])} games, {states} states, {ends}")


def check_minimax():
    all_lines, solved = lines(3, 3, 3), {}

    def value(board):
        """To the player to move."""
        if winner(board, all_lines):
            return -1
        if 0 not in board:
            return 0
        if board not in solved:
            mark = 1 + (9 - board.count(0)) % 2
            free = [i for i in range(9) if not board[i]]
            after = {i: -value(board[:i] + (mark,) + board[i + 1 :]) for i in free}
            best = max(after.values())
            solved[board] = (mark - 1, best, [i for i in free if after[i] == best])
        return solved[board][1]

    assert value((0,) * 9) == 0
    golden = load("tictactoe")["minimax"]
    assert golden["num_positions"] == len(solved) == 4520
    for v in (-1, 0, 1):
        assert golden["num_by_value"][str(v)] == sum(s[1] == v for s in solved.values())
    for p in golden["positions"]:
        assert (p["player"], p["value"], p["optimal"]) == solved[tuple(p["board"])]
    assert len({tuple(p["board"]) for p in golden["positions"]}) == 100
    print(f"minimax: {len(solved)} positions, by value {golden['num_by_value']}")


# --- Networks --------------------------------------------------------------------------------


def array(t, dtype=np.float64):
    """The float32 number in the file, widened."""
    return np.array(t["data"], np.float32).astype(dtype).reshape(t["shape"])


def linear(p, name, x):
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def convolve(p, name, x):
    """Stride 1, padded to the same size."""
    w = p[f"{name}.weight"]  # [out, in, k, k]
    k, (height, width) = w.shape[2], x.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (k // 2, k // 2), (k // 2, k // 2)))
    out = sum(
        np.einsum("bihw,oi->bohw", x[:, :, i : i + height, j : j + width], w[:, :, i, j])
        for i in range(k)
        for j in range(k)
    )
    return out + p[f"{name}.bias"][None, :, None, None]


def relu(x):
    return np.maximum(x, 0)


def forward_mlp(p, x, sites):
    h = x.reshape(len(x), -1)
    for i in range(2):
        sites[f"blocks.{i}.pre"] = h = linear(p, f"blocks.{i}", h)
        sites[f"blocks.{i}.post"] = h = relu(h)
    return linear(p, "policy", h), np.tanh(linear(p, "value", h))[:, 0]


def forward_convnet(p, x, sites):
    sites["stem.post"] = h = relu(convolve(p, "stem", x))
    for i in range(2):
        sites[f"blocks.{i}.mid"] = mid = relu(convolve(p, f"blocks.{i}.conv1", h))
        sites[f"blocks.{i}.out"] = h = relu(h + convolve(p, f"blocks.{i}.conv2", mid))
    sites["policy.features"] = f = relu(convolve(p, "policy.conv", h))
    sites["value.features"] = v = relu(convolve(p, "value.conv", h))
    sites["value.hidden"] = v = relu(linear(p, "value.hidden", v.reshape(len(x), -1)))
    logits = linear(p, "policy.linear", f.reshape(len(x), -1))
    return logits, np.tanh(linear(p, "value.linear", v))[:, 0]


def losses(logits, value, golden):
    legal, pi, z = (array(golden[k]) for k in ("legal", "target_policy", "target_value"))
    shifted = np.where(legal > 0, logits, -np.inf)
    log_sum = np.log(np.exp(shifted).sum(1, keepdims=True))
    policy_loss = -np.where(legal > 0, pi * (logits - log_sum), 0).sum(1).mean()
    return policy_loss, ((z - value) ** 2).mean()


def check_network(name, forward):
    golden = load(name)
    p = {k: array(v) for k, v in golden["parameters"].items()}
    x = array(golden["input"])

    def close(what, ours, theirs, atol=1e-7):
        worst = np.abs(np.asarray(ours) - np.asarray(theirs)).max()
        assert worst < atol, (name, what, worst)

    sites = {}
    logits, value = forward(p, x, sites)
    close("logits", logits, array(golden["logits"]), 1e-6)
    close("value", value, array(golden["value"]))
    assert set(sites) == set(golden["sites"])
    for k in sites:
        assert list(sites[k].shape) == golden["sites"][k]["shape"]
        close(k, sites[k], array(golden["sites"][k]), 1e-6)
        if k.endswith((".post", ".mid", ".out", ".features", ".hidden")):
            assert 0 < (sites[k] > 0).mean() < 1, f"{k}: all on or all off"
    policy_loss, value_loss = losses(logits, value, golden)
    close("policy_loss", policy_loss, golden["policy_loss"])
    close("value_loss", value_loss, golden["value_loss"])
    close("loss", policy_loss + value_loss, golden["loss"])

    step, adam = 1e-6, golden["adam"]
    assert set(p) == set(golden["gradients"]) == set(adam["parameters_after_1"])
    nonzero = 0
    for k, w in p.items():
        gradient = np.zeros_like(w)
        for i in np.ndindex(w.shape):
            kept, ends = w[i], []
            for w[i] in (kept + step, kept - step):
                ends.append(sum(losses(*forward(p, x, {}), golden)))
            w[i] = kept
            gradient[i] = (ends[0] - ends[1]) / (2 * step)
        theirs = array(golden["gradients"][k])
        nonzero += np.count_nonzero(theirs)
        close(f"gradient of {k}", gradient, theirs)
        # The first step's bias-corrected moments are the gradient and its square.
        after = w - adam["learning_rate"] * theirs / (np.abs(theirs) + adam["epsilon"])
        close(f"{k} after Adam", after, array(adam["parameters_after_1"][k]))
    after = {k: array(v) for k, v in adam["parameters_after_1"].items()}
    close("loss after Adam", sum(losses(*forward(after, x, {}), golden)), adam["losses_after"][0])

    count = sum(w.size for w in p.values())
    p32 = {k: w.astype(np.float32) for k, w in p.items()}
    logits32, _ = forward(p32, x.astype(np.float32), {})
    print(
        f"{name}: {count} parameters, {nonzero} non-zero gradients, loss {golden['loss']}, "
        f"float32 logits within {np.abs(logits32 - logits).max():.0e}"
    )


def main():
    check_games("tictactoe", 3, 3, 3, drops=False)
    check_minimax()
    check_games("connect4", 6, 7, 4, drops=True)
    check_network("mlp", forward_mlp)
    check_network("convnet", forward_convnet)


if __name__ == "__main__":
    main()
