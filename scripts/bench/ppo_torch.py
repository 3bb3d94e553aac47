"""PPO on CartPole-v1 in PyTorch, one thread, with CleanRL's settings: what the bench compares with.

    python ppo_torch.py [--steps 50000] [--warmup 5000] [--seed 0]

Four environments in gymnasium's SyncVectorEnv, 128 steps each, four epochs of four minibatches, two
64-64 tanh networks, as that implementation has them. Prints one line of JSON: steps and seconds after
the warm-up, and the mean return of the last 100 episodes. Annealing runs over the whole 500,000 steps.
"""

import argparse
import json
import time

import gymnasium
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

NUM_ENVS, NUM_STEPS, NUM_MINIBATCHES, NUM_EPOCHS = 4, 128, 4, 4
BATCH = NUM_ENVS * NUM_STEPS
TOTAL_STEPS, LEARNING_RATE = 500_000, 2.5e-4
GAMMA, LAMBDA, CLIP, ENTROPY, VALUE, MAX_NORM = 0.99, 0.95, 0.2, 0.01, 0.5, 0.5


def linear(inputs, outputs, gain=2**0.5):
    """A layer with orthogonal weights and zero bias."""
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer


def network(outputs, gain):
    return nn.Sequential(linear(4, 64), nn.Tanh(), linear(64, 64), nn.Tanh(), linear(64, outputs, gain))


def make_env():
    return gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make("CartPole-v1"))


class Rollout:
    """What one update plays, `[step, env]`."""

    def __init__(self):
        self.observations = torch.zeros(NUM_STEPS, NUM_ENVS, 4)
        self.actions = torch.zeros(NUM_STEPS, NUM_ENVS, dtype=torch.long)
        shape = (NUM_STEPS, NUM_ENVS)
        self.log_probs, self.rewards, self.dones, self.values = (torch.zeros(shape) for _ in range(4))


@torch.no_grad()
def play(envs, actor, critic, observation, done, returns):
    """Fills a rollout; returns it, its advantages and where the environments stand."""
    rollout = Rollout()
    for step in range(NUM_STEPS):
        rollout.observations[step], rollout.dones[step] = observation, done
        policy = Categorical(logits=actor(observation))
        action = policy.sample()
        rollout.actions[step] = action
        rollout.log_probs[step] = policy.log_prob(action)
        rollout.values[step] = critic(observation).flatten()
        seen, reward, terminated, truncated, info = envs.step(action.numpy())
        rollout.rewards[step] = torch.as_tensor(reward, dtype=torch.float32)
        observation = torch.as_tensor(seen, dtype=torch.float32)
        done = torch.as_tensor(np.logical_or(terminated, truncated), dtype=torch.float32)
        if "final_info" in info:
            ended = info["final_info"]
            returns.extend(ended["episode"]["r"][ended["_episode"]].tolist())
    advantages, later = torch.zeros_like(rollout.rewards), torch.zeros(NUM_ENVS)
    next_value, next_done = critic(observation).flatten(), done
    for step in reversed(range(NUM_STEPS)):
        alive = 1 - next_done
        delta = rollout.rewards[step] + GAMMA * next_value * alive - rollout.values[step]
        advantages[step] = later = delta + GAMMA * LAMBDA * alive * later
        next_value, next_done = rollout.values[step], rollout.dones[step]
    return rollout, advantages, observation, done


def learn(actor, critic, optimiser, rollout, advantages, rng):
    """Goes over a rollout in shuffled minibatches; returns what that implementation watches."""
    observations, actions = rollout.observations.reshape(-1, 4), rollout.actions.flatten()
    old_log_probs, old_values = rollout.log_probs.flatten(), rollout.values.flatten()
    advantages = advantages.flatten()
    targets = advantages + old_values
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    rows, watched = np.arange(BATCH), []
    for _ in range(NUM_EPOCHS):
        rng.shuffle(rows)
        for chunk in np.split(rows, NUM_MINIBATCHES):
            policy = Categorical(logits=actor(observations[chunk]))
            value = critic(observations[chunk]).flatten()
            log_ratio = policy.log_prob(actions[chunk]) - old_log_probs[chunk]
            ratio = log_ratio.exp()
            with torch.no_grad():
                watched.append((
                    ((ratio - 1) - log_ratio).mean().item(),
                    ((ratio - 1).abs() > CLIP).float().mean().item(),
                ))
            advantage = advantages[chunk]
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
            policy_loss = torch.max(-advantage * ratio, -advantage * clipped).mean()
            held = old_values[chunk] + (value - old_values[chunk]).clamp(-CLIP, CLIP)
            errors = (value - targets[chunk]) ** 2, (held - targets[chunk]) ** 2
            value_loss = 0.5 * torch.max(*errors).mean()
            loss = policy_loss - ENTROPY * policy.entropy().mean() + VALUE * value_loss
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, MAX_NORM)
            optimiser.step()
    return np.mean(watched, axis=0)  # divergence, share of ratios beyond the clip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--warmup", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    # As CleanRL has it: an episode's end and the next one's start are one step.
    mode = gymnasium.vector.AutoresetMode.SAME_STEP
    envs = gymnasium.vector.SyncVectorEnv([make_env] * NUM_ENVS, autoreset_mode=mode)
    actor, critic = network(2, 0.01), network(1, 1.0)
    parameters = [*actor.parameters(), *critic.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=LEARNING_RATE, eps=1e-5)
    observation = torch.as_tensor(envs.reset(seed=args.seed)[0], dtype=torch.float32)
    done, returns = torch.zeros(NUM_ENVS), []
    warmup, updates = -(-args.warmup // BATCH), -(-args.steps // BATCH)
    start = time.perf_counter()
    for update in range(warmup + updates):
        if update == warmup:
            start = time.perf_counter()
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * (1 - update * BATCH / TOTAL_STEPS)
        rollout, advantages, observation, done = play(envs, actor, critic, observation, done, returns)
        learn(actor, critic, optimiser, rollout, advantages, rng)
    seconds = time.perf_counter() - start
    last = returns[-100:]
    print(json.dumps({
        "steps": updates * BATCH,
        "seconds": round(seconds, 3),
        "steps_per_second": round(updates * BATCH / seconds, 1),
        "return_last_100": round(sum(last) / len(last), 2) if last else None,
    }))


if __name__ == "__main__":
    main()
