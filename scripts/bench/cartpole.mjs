// PPO on cart pole: beside PyTorch, beside the arithmetic of its network, and what it learns.
//
// PyTorch runs where PYTHON names an interpreter that has requirements.txt; else it is left out.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mean, native, nativeSeconds, note, pairs } from './common.mjs';
import { inTab } from './tab.mjs';

const PRESET = 'cartpole_ppo';
const SEEDS = [0, 1, 2];
/** Updates before the clock starts, and updates that it runs for. */
const WARMUP = 20;
const UPDATES = 100;
/** So wide that nearly all of its training is matrix products: its rate stands for the processor's. */
const WIDE = {
  'model.width': 1024,
  'agent.num_envs': 64,
  'agent.num_steps': 16,
  'agent.num_minibatches': 1,
};
const WIDE_UPDATES = 2;
const BAR = 15;

export async function cartpoleFigures(tab, folder) {
  const out = join(folder, 'cartpole.safetensors');
  const torch = torchFigures();
  const inside = await measure((set, from, to) =>
    inTab(tab, timedTraining, { preset: PRESET, set, from, to }),
  );
  const outside = await measure((set, from, to) =>
    nativeSeconds([PRESET, '--seed', '0', '--out', out, ...pairs(set)], from, to),
  );
  const runs = SEEDS.map((seed) => {
    const lines = native('train', PRESET, '--seed', `${seed}`, '--out', out);
    const { metrics } = lines.findLast((line) => line.metrics);
    const figures = {
      seed,
      steps: metrics.steps,
      return_last_100: metrics.return,
      return_greedy: lines.at(-1).summary.scores.return_train.value,
      seconds: lines.at(-1).summary.seconds,
    };
    note(JSON.stringify(figures));
    return figures;
  });
  return {
    torch,
    tab: inside,
    native: outside,
    tab_over_torch: torch.steps_per_second && inside.steps_per_second / torch.steps_per_second,
    native_over_torch: torch.steps_per_second && outside.steps_per_second / torch.steps_per_second,
    bar_tab_over_torch: BAR,
    seeds: runs,
    mean_return_last_100: mean(runs.map((run) => run.return_last_100)),
    mean_return_greedy: mean(runs.map((run) => run.return_greedy)),
  };
}

function torchFigures() {
  if (!process.env.PYTHON) {
    return { skipped: 'set PYTHON to a Python with scripts/bench/requirements.txt' };
  }
  const script = fileURLToPath(new URL('ppo_torch.py', import.meta.url));
  const figures = JSON.parse(execFileSync(process.env.PYTHON, [script], { encoding: 'utf8' }));
  note(`PyTorch: ${JSON.stringify(figures)}`);
  return figures;
}

/** Steps a second, beside what the multiplications alone would allow. */
async function measure(seconds) {
  const sizes = settings({});
  // One checkpoint at the end, which is never reached: scoring is no part of this.
  const far = (updates) => ({ updates, checkpoint_every: updates });
  const taken = await seconds(far(2 * (WARMUP + UPDATES)), WARMUP, WARMUP + UPDATES);
  const wideTaken = await seconds({ ...WIDE, ...far(2 + 2 * WIDE_UPDATES) }, 1, 1 + WIDE_UPDATES);
  const wide = settings(WIDE);
  const rate = (WIDE_UPDATES * wide.steps * wide.flops) / wideTaken;
  const speed = (UPDATES * sizes.steps) / taken;
  const figures = {
    steps_per_second: speed,
    flops_per_step: sizes.flops,
    wide_network_gflops: rate / 1e9,
    bound_steps_per_second: rate / sizes.flops,
    share_of_bound: (speed * sizes.flops) / rate,
  };
  note(JSON.stringify(figures));
  return figures;
}

/** Steps of an update, and floating-point operations a step: a multiplication and an addition count as two. */
function settings(set) {
  const catalogue = native('catalogue')[0];
  const preset = catalogue.presets.find((entry) => entry.id === PRESET);
  const all = { ...preset.parameters, ...set };
  const schema = catalogue.agents.find((entry) => entry.id === preset.agent).schema;
  const of = (name) => all[`agent.${name}`] ?? schema.properties[name].default;
  const { 'model.width': width, 'model.depth': depth } = all;
  const [inputs, actions] = [4, 2];
  const first = 2 * inputs * width;
  const weights = first + 2 * (depth - 1) * width * width + (actions + 1) * width;
  // Backwards each product is taken twice, but for the first layers, whose inputs need no gradient.
  const trained = 2 * weights + 4 * weights - 2 * first;
  return {
    steps: of('num_envs') * of('num_steps'),
    flops: 2 * weights + of('num_epochs') * trained,
  };
}

/** Seconds from the end of update `from` to that of `to`. Runs inside the browser. */
async function timedTraining({ preset, set, from, to }) {
  await globalThis.ask({ type: 'open', preset, set, seed: 0, device: 'cpu' });
  await globalThis.ask({ type: 'advance', updates: from });
  const start = performance.now();
  await globalThis.ask({ type: 'advance', updates: to - from });
  return (performance.now() - start) / 1000;
}
