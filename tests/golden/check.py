"""Check the golden files without the libraries that made them: plain Python rules, numpy networks.

    python check.py

Replays every game, solves tic-tac-toe anew, recomputes every forward pass, takes every gradient by
central differences, and Adam and PPO from their equations.
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
    return x @ p[f"{name}.weight"].T + p.get(f"{name}.bias", 0)


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


def forward_transformer(p, x, sites):
    batch, tokens, width = len(x), 9, p["position"].shape[2]

    def tap(name, h):  # [batch, token, unit] to [batch, unit, token]
        sites[name] = h.transpose(0, 2, 1)
        return h

    h = tap("embed", linear(p, "embed", x.reshape(batch, 2, tokens).transpose(0, 2, 1)) + p["position"])
    for i in range(2):
        at, heads = f"blocks.{i}", 2
        for part in "qkv":
            turned = linear(p, f"{at}.attn.{part}", h).reshape(batch, tokens, heads, width // heads)
            sites[f"{at}.attn.{part}"] = turned.transpose(0, 2, 3, 1)
        q, k, v = (sites[f"{at}.attn.{part}"] for part in "qkv")
        scores = np.exp(np.einsum("bhui,bhuj->bhij", q, k) / (width / heads) ** 0.5)
        sites[f"{at}.attn.pattern"] = pattern = scores / scores.sum(3, keepdims=True)
        sites[f"{at}.attn.z"] = z = np.einsum("bhij,bhuj->bhui", pattern, v)
        z = z.reshape(batch, width, tokens).transpose(0, 2, 1)
        h = tap(f"{at}.resid_mid", h + tap(f"{at}.attn_out", linear(p, f"{at}.attn.out", z)))
        hidden = tap(f"{at}.mlp.post", relu(linear(p, f"{at}.mlp.hidden", h)))
        h = tap(f"{at}.resid_post", h + tap(f"{at}.mlp_out", linear(p, f"{at}.mlp.out", hidden)))
    read = h.reshape(batch, -1)
    return linear(p, "policy", read), np.tanh(linear(p, "value", read))[:, 0]


def losses(logits, value, golden):
    legal, pi, z = (array(golden[k]) for k in ("legal", "target_policy", "target_value"))
    shifted = np.where(legal > 0, logits, -np.inf)
    log_sum = np.log(np.exp(shifted).sum(1, keepdims=True))
    policy_loss = -np.where(legal > 0, pi * (logits - log_sum), 0).sum(1).mean()
    return policy_loss, ((z - value) ** 2).mean()


def central_differences(p, loss, step=1e-6):
    """The gradient of `loss()` by every element of `p`."""
    out = {}
    for k, w in p.items():
        out[k] = np.zeros_like(w)
        for i in np.ndindex(w.shape):
            kept, ends = w[i], []
            for w[i] in (kept + step, kept - step):
                ends.append(loss())
            w[i] = kept
            out[k][i] = (ends[0] - ends[1]) / (2 * step)
    return out


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

    adam = golden["adam"]
    assert set(p) == set(golden["gradients"]) == set(adam["parameters_after_1"])
    nonzero = 0
    gradients = central_differences(p, lambda: sum(losses(*forward(p, x, {}), golden)))
    for k, w in p.items():
        theirs = array(golden["gradients"][k])
        nonzero += np.count_nonzero(theirs)
        close(f"gradient of {k}", gradients[k], theirs)
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


# --- PPO -------------------------------------------------------------------------------------


def forward_actor_critic(p, x, separate, activation):
    """Logits and values; `p` holds two trunks or one."""
    act = {"tanh": np.tanh, "relu": relu}[activation]
    h = v = x
    for i in range(2):
        h = act(linear(p, f"blocks.{i}", h))
        v = act(linear(p, f"value_blocks.{i}", v)) if separate else h
    return linear(p, "policy", h), linear(p, "value", v)[:, 0]


def ppo_losses(logits, value, batch, settings, clip_values, normalize_advantages):
    clip, rows = settings["clip"], np.arange(len(value))
    shifted = np.where(batch["legal"] > 0, logits, -np.inf)
    log_probs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    log_ratio = log_probs[rows, batch["action"].astype(int)] - batch["log_prob"]
    ratio, advantage = np.exp(log_ratio), batch["advantage"]
    if normalize_advantages:
        advantage = (advantage - advantage.mean()) / (advantage.std(ddof=1) + 1e-8)
    low, high = 1 - clip, 1 + clip
    # The gradient is cut where the ratio has gone further than the clip the way the advantage points.
    kept = np.where(advantage > 0, np.minimum(ratio, high), np.maximum(ratio, low))
    value_loss = (value - batch["target"]) ** 2
    if clip_values:
        held = np.clip(value, batch["value"] - clip, batch["value"] + clip)
        value_loss = np.maximum(value_loss, (held - batch["target"]) ** 2)
    plogp = np.exp(log_probs) * np.where(batch["legal"] > 0, log_probs, 0)
    out = {
        "policy_loss": -(advantage * kept).mean(),
        "value_loss": value_loss.mean() / 2,
        "entropy": -plogp.sum(1).mean(),
        "kl": (ratio - 1 - log_ratio).mean(),
        "clip_fraction": ((ratio < low) | (ratio > high)).mean(),
    }
    out["total"] = (
        out["policy_loss"]
        - settings["entropy_coefficient"] * out["entropy"]
        + settings["value_coefficient"] * out["value_loss"]
    )
    return out


def check_ppo():
    golden = load("ppo")
    settings = golden["settings"]
    for name, part in golden["networks"].items():
        p = {k: array(v) for k, v in part["parameters"].items()}
        batch = {k: array(v) for k, v in part["batch"].items()}
        shape = (part["separate"], part["activation"])
        count = len(batch["value"])

        def close(what, ours, theirs, atol=1e-7):
            worst = np.abs(np.asarray(ours) - np.asarray(theirs)).max()
            assert worst < atol, (name, what, worst)

        def found(rows, *flags):
            some = {k: v[rows] for k, v in batch.items()}
            return ppo_losses(*forward_actor_critic(p, some["input"], *shape), some, settings, *flags)

        close("target", batch["target"], batch["advantage"] + batch["value"], 1e-6)
        for case in part["cases"]:
            flags = (case["clip_values"], case["normalize_advantages"])
            ours = found(np.arange(count), *flags)
            assert set(ours) == set(case["losses"])
            for k, v in ours.items():
                close(k, v, case["losses"][k])
            gradient = central_differences(p, lambda: found(np.arange(count), *flags)["total"])
            for k, v in gradient.items():
                close(f"gradient of {k}", v, array(case["gradients"][k]))

        update = part["update"]
        rate = settings["learning_rate"] * (1 - settings["update"] / settings["updates"])
        close("learning_rate", rate, update["learning_rate"], 1e-12)
        assert all(sorted(order) == list(range(count)) for order in update["order"])
        size = -(-count // settings["num_minibatches"])
        chunks = [o[i : i + size] for o in update["order"] for i in range(0, count, size)]
        assert len(chunks) == len(update["steps"])
        first, second = ({k: np.zeros_like(w) for k, w in p.items()} for _ in range(2))
        for time, (rows, theirs) in enumerate(zip(chunks, update["steps"]), 1):
            ours = found(rows, True, True)
            gradient = central_differences(p, lambda: found(rows, True, True)["total"])
            ours["gradient_norm"] = norm = np.sqrt(sum((g**2).sum() for g in gradient.values()))
            for k, v in theirs.items():
                close(f"{k} of step {time}", ours[k], v, 1e-6)
            for k, g in gradient.items():
                g *= min(1, settings["max_gradient_norm"] / (norm + 1e-6))
                first[k] += (1 - settings["beta_1"]) * (g - first[k])
                second[k] += (1 - settings["beta_2"]) * (g**2 - second[k])
                mean = first[k] / (1 - settings["beta_1"] ** time)
                root = np.sqrt(second[k] / (1 - settings["beta_2"] ** time))
                p[k] -= rate * mean / (root + settings["epsilon"])
        for k, v in update["parameters_after"].items():
            close(f"{k} after the update", p[k], array(v), 1e-6)
        print(f"ppo: {name}, {len(part['cases'])} settings and {len(chunks)} steps")


# --- Decompositions --------------------------------------------------------------------------


def check_decomposition():
    """Variances from the covariance; errors between the least of any factors and one of our own."""
    golden = load("decomposition")
    matrix = array(golden["matrix"])
    variances = np.linalg.eigvalsh(np.cov(matrix.T))[::-1]
    np.testing.assert_allclose(variances, golden["pca"], rtol=1e-6)
    rest = np.append(np.cumsum((np.linalg.svd(matrix)[1] ** 2)[::-1])[::-1], 0)
    rng = np.random.default_rng(0)
    for case in golden["nmf"]:
        weights = rng.random((len(matrix), case["rank"]))
        factors = rng.random((case["rank"], matrix.shape[1]))
        for _ in range(2000):  # multiplicative updates
            factors *= weights.T @ matrix / (weights.T @ weights @ factors + 1e-12)
            weights *= matrix @ factors.T / (weights @ factors @ factors.T + 1e-12)
        ours = ((matrix - weights @ factors) ** 2).sum()
        # Another start may find a slightly deeper valley.
        assert rest[case["rank"]] * (1 - 1e-6) <= case["error"] <= ours * 1.05, (case, ours)
    print(f"decomposition: {len(golden['nmf'])} ranks, {len(variances)} variances")


# --- Probes ------------------------------------------------------------------------------------


def check_probes():
    """At a minimum nothing slopes: not the loss with its penalty, and an L1 penalty outweighs what does."""
    data = json.loads((HERE / "probes.json").read_text())
    x = np.array(data["features"]).reshape(-1, data["width"])
    classes, numbers = np.array(data["classes"]), np.array(data["numbers"])
    shares = np.where(classes > 0, 0.5 / (classes > 0).sum(), 0.5 / (classes < 0).sum())

    def slopes(kind, w, bias):
        answers = x @ w + bias
        if kind.endswith("logistic"):
            rows = -shares * classes / (1 + np.exp(classes * answers))
        else:
            rows = (answers - numbers) / len(x)
        return x.T @ rows, rows.sum()

    for kind in ("logistic", "ridge", "sparse_logistic", "sparse_ridge"):
        for penalty, (*w, bias) in zip(data["penalties"], data[kind], strict=True):
            w = np.array(w)
            slope, of_bias = slopes(kind, w, bias)
            if kind.startswith("sparse"):
                left = np.where(w == 0, np.maximum(abs(slope) - penalty, 0), slope + penalty * np.sign(w))
            else:
                left = slope + penalty * w
            assert abs(of_bias) < 1e-6 and abs(left).max() < 1e-6, (kind, penalty, left, of_bias)

    held = data["held_out"]
    held_x = np.array(held["features"]).reshape(-1, data["width"])
    for kind, expected in held["accuracy"].items():
        for (*w, bias), share in zip(data[kind], expected, strict=True):
            answers = np.where(held_x @ np.array(w) + bias > 0, 1, -1)
            assert abs((answers == held["classes"]).mean() - share) < 1e-9, (kind, share)

    means = [x[classes == side].mean(0) for side in (1, -1)]
    inside = x - np.where((classes > 0)[:, None], *means)
    w = np.linalg.solve(inside.T @ inside, means[0] - means[1])
    w /= np.linalg.norm(w)
    found = np.array(data["discriminant"])
    assert abs(found - [*w, -(means[0] + means[1]) @ w / 2]).max() < 1e-6, found
    print(f"probes: {len(data['penalties'])} penalties of 4 kinds")


# --- Attribution -------------------------------------------------------------------------------


def check_attribution():
    """The same sums with slopes by central differences instead of gradients."""
    golden = load("attribution")
    p = {k: array(v) for k, v in golden["parameters"].items()}
    clean, corrupt = (
        np.array([float(c == plane) for plane in (1, 2) for c in board]) for board in golden["boards"]
    )
    legal = [[i for i, c in enumerate(board) if c == 0] for board in golden["boards"]]
    order = ["obs", "blocks.0.pre", "blocks.0.post", "blocks.1.pre", "blocks.1.post", "policy"]

    def onward(site, h):
        """Every site from `site` on, which is `h`, and the value."""
        found = {site: h}
        for name in order[order.index(site) + 1 :]:
            h = found[name] = relu(h) if name.endswith("post") else linear(p, name.removesuffix(".pre"), h)
        if "blocks.1.post" in found:
            found["value"] = np.tanh(linear(p, "value", found["blocks.1.post"]))[..., 0]
        return found

    def slopes(measure, site, h, step=1e-6):
        """Slopes of `measure` at each element of one `site`."""
        moved = h + step * np.concatenate([np.eye(len(h)), -np.eye(len(h))])
        up, down = np.split(measure(onward(site, moved)), 2)
        return (up - down) / (2 * step)

    answers = onward("obs", clean)["policy"]
    first, second = sorted(legal[0], key=lambda a: -answers[a])[:2]
    other = max(legal[1], key=lambda a: onward("obs", corrupt)["policy"][a])

    def log_probability(sites):
        logits = sites["policy"][..., legal[0]]
        return sites["policy"][..., first] - np.log(np.exp(logits).sum(-1))

    targets = {
        "preference": lambda sites: sites["policy"][..., first] - sites["policy"][..., second],
        "logit": lambda sites: sites["policy"][..., first],
        "log_probability": log_probability,
        "value": lambda sites: sites["value"],
    }
    for case in golden["integrated_gradients"]:
        measure, site, steps = targets[case["target"]], case["site"], case["steps"]
        end = onward("obs", clean)[site]
        start = onward("obs", corrupt)[site] if case["baseline"] == "corrupt" else 0 * end
        way = [start + (k + 0.5) / steps * (end - start) for k in range(steps)]
        values = (end - start) * np.mean([slopes(measure, site, h) for h in way], 0)
        np.testing.assert_allclose(values, array(case["values"]), atol=1e-6)
        difference = measure(onward(site, end)) - measure(onward(site, start))
        np.testing.assert_allclose(difference, case["difference"], atol=1e-6)

    def preference(sites):
        return sites["policy"][..., first] - sites["policy"][..., other]

    for case in golden["links"]:
        into, donor = (corrupt, clean) if case["direction"] == "denoise" else (clean, corrupt)
        steps = case["steps"]
        way = [onward("obs", into + k / steps * (donor - into)) for k in range(steps)]
        ends = [onward("obs", x) for x in (into, donor)]
        scale = preference(ends[1]) - preference(ends[0])
        for to, score in case["scores"].items():
            at = to if to == "policy" else to.replace("post", "pre")
            before = order[order.index(at) - 1]
            change = ends[1][before] - ends[0][before]
            slope = np.mean([slopes(preference, at, sites[at]) for sites in way], 0) / scale
            weight = p[to.removesuffix(".post") + ".weight"]
            np.testing.assert_allclose(change * weight * slope[:, None], array(score), atol=1e-6)
    print(f"attribution: {len(golden['integrated_gradients'])} integrals, {len(golden['links'])} sets of links")


def main():
    check_games("tictactoe", 3, 3, 3, drops=False)
    check_minimax()
    check_games("connect4", 6, 7, 4, drops=True)
    check_network("mlp", forward_mlp)
    check_network("convnet", forward_convnet)
    check_network("transformer", forward_transformer)
    check_ppo()
    check_decomposition()
    check_probes()
    check_attribution()


if __name__ == "__main__":
    main()
