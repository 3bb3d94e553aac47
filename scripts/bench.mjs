// Measures what the project promises and prints it as one JSON object.
//   node scripts/bench.mjs [--only sizes,environments,tictactoe,connect4,cartpole,presets,ops]
//                          [--seeds N] [--no-connect4]
// With PYTHON set to a Python that has scripts/bench/requirements.txt, PPO is timed beside PyTorch.
// Seconds depend on the machine and what else it does; ratios are taken within one run.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { cartpoleFigures } from './bench/cartpole.mjs';
import { native, note, option } from './bench/common.mjs';
import { environmentFigures } from './bench/environments.mjs';
import { opFigures } from './bench/ops.mjs';
import { presetFigures } from './bench/presets.mjs';
import { withTab } from './bench/tab.mjs';
import { tictactoeFigures } from './bench/tictactoe.mjs';

/** Each takes a browser's tab and a folder for files that nobody keeps. */
const PARTS = {
  sizes,
  environments: environmentFigures,
  tictactoe: tictactoeFigures,
  connect4,
  cartpole: cartpoleFigures,
  presets: presetFigures,
  ops: opFigures,
};

function gzipped(path) {
  return gzipSync(readFileSync(path), { level: 9 }).length;
}

function sizes() {
  const assets = readdirSync('dist/assets').filter((name) => name.endsWith('.js'));
  return {
    wasm_gzipped_bytes: gzipped('dist/pkg/cpu/glassbox_bg.wasm'),
    javascript_gzipped_bytes:
      assets.reduce((sum, name) => sum + gzipped(join('dist/assets', name)), 0) +
      gzipped('dist/pkg/cpu/glassbox.js'),
  };
}

/** Connect 4 to the end of its budget, then with search against the reference player. */
function connect4(_tab, folder) {
  const out = join(folder, 'connect4.safetensors');
  const { summary } = native('train', 'connect4_alphazero', '--seed', '0', '--out', out).at(-1);
  const { scores } = native('score', out)[0];
  return { train_seconds: summary.seconds, scores };
}

function wanted() {
  const names = option('--only')?.split(',') ?? Object.keys(PARTS);
  const unknown = names.filter((name) => !(name in PARTS));
  if (unknown.length > 0) {
    throw new Error(`no part ${unknown}; there are ${Object.keys(PARTS).join(', ')}`);
  }
  return names.filter((name) => name !== 'connect4' || !process.argv.includes('--no-connect4'));
}

const names = wanted();
const folder = mkdtempSync(join(tmpdir(), 'glassbox-bench-'));
try {
  const figures = await withTab(async (tab) => {
    const figures = {};
    for (const name of names) {
      note(name);
      figures[name] = await PARTS[name](tab, folder);
    }
    return figures;
  });
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
