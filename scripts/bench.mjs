// Measures what the project promises and prints it as one JSON object.
//   node scripts/bench.mjs [--seeds N] [--no-connect4]
// Seconds depend on the machine and what else it does; ratios are taken within one run.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from '@playwright/test';
import { preview } from 'vite';
import { chromeArgs, findChrome } from './chrome.mjs';

const PRESET = 'tictactoe_alphazero';
const target = process.env.CARGO_TARGET_DIR ?? 'target';
const numSeeds = Number(option('--seeds') ?? 10);

function option(name) {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : (process.argv[at + 1] ?? '');
}

function note(text) {
  process.stderr.write(`${text}\n`);
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)], min: sorted[0], max: sorted.at(-1) };
}

/** Runs the native twin; returns its JSON lines. */
function native(...args) {
  const out = execFileSync(join(target, 'release', 'glassbox'), args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

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

function nativeFigures(folder) {
  const steps = {};
  for (const { id } of native('catalogue')[0].environments) {
    steps[id] = native('rollout', id, '--episodes', '20000')[0].steps_per_second;
  }
  const out = join(folder, 'native.safetensors');
  const lines = native('train', PRESET, '--seed', '0', '--out', out);
  const summary = lines.at(-1).summary;
  return { steps_per_second: steps, train_seconds: summary.seconds, scores: summary.scores };
}

/** Connect 4 to the end of its budget, then with search against the reference player. */
function connect4(folder) {
  const out = join(folder, 'connect4.safetensors');
  const { summary } = native('train', 'connect4_alphazero', '--seed', '0', '--out', out).at(-1);
  const { scores } = native('score', out)[0];
  return { train_seconds: summary.seconds, scores };
}

/** Trains one seed in the tab, in a page that does nothing else. Runs inside the browser. */
async function trainInTab({ preset, seed }) {
  const module = await import(new URL('pkg/cpu/glassbox.js', document.baseURI).href);
  await module.default();
  const session = new module.Glassbox();
  const ask = async (command) => {
    const events = [];
    await session.handle(command, (event) => events.push(event));
    const failed = events.find((event) => event.type === 'error');
    if (failed) throw new Error(failed.message);
    return events;
  };
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const [opened] = await ask({ type: 'open', preset, set: {}, seed, device: 'cpu' });
  let zero = null;
  let scores = [];
  for (;;) {
    const events = await ask({ type: 'advance', updates: 10 });
    const checkpoint = events.findLast((event) => event.type === 'checkpoint');
    scores = checkpoint?.scores ?? scores;
    const lost = scores.find((score) => score.id === 'lines_lost_bare');
    if (zero === null && lost?.value === 0) zero = seconds();
    if (events.some((event) => event.type === 'finished')) break;
  }
  const total = seconds();
  const catalogue = (await ask({ type: 'catalogue' }))[0];
  const states = catalogue.presets.find((entry) => entry.id === preset).states;
  const patchStart = performance.now();
  await ask({ type: 'op', op: 'patch', states });
  const patch = (performance.now() - patchStart) / 1000;
  const [file] = await ask({ type: 'export', what: 'weights' });
  // The order of a safetensors header is open; its data is not.
  const header = Number(
    new DataView(file.bytes.buffer, file.bytes.byteOffset).getBigUint64(0, true),
  );
  const digest = await crypto.subtle.digest('SHA-256', file.bytes.slice(8 + header));
  const hash = [...new Uint8Array(digest)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
  const value = (id) => scores.find((score) => score.id === id)?.value;
  return {
    zero_losses_seconds: zero,
    total_seconds: total,
    update_ms: (1000 * total) / opened.updates,
    patch_seconds: patch,
    lines_lost_bare: value('lines_lost_bare'),
    suboptimal: value('suboptimal'),
    value_error: value('value_error'),
    hash,
  };
}

async function tabFigures() {
  const server = await preview({ preview: { port: 0 }, logLevel: 'silent' });
  const url = server.resolvedUrls.local[0];
  const browser = await chromium.launch({ executablePath: findChrome(), args: chromeArgs });
  const seed = async (seed) => {
    const page = await browser.newPage();
    // The page's own worker would share the processor: only its files are wanted.
    await page.route(url, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
    );
    await page.goto(url);
    const result = await page.evaluate(trainInTab, { preset: PRESET, seed });
    await page.close();
    note(`seed ${seed}: ${JSON.stringify(result)}`);
    return result;
  };
  try {
    const ready = await readySeconds(browser, url);
    const runs = [];
    for (let index = 0; index < numSeeds; index++) runs.push(await seed(index));
    const again = await seed(0);
    const zero = runs.map((run) => run.zero_losses_seconds ?? Number.POSITIVE_INFINITY);
    return {
      ready_seconds: ready,
      seeds: numSeeds,
      seeds_with_zero_losses_within_30_s: zero.filter((seconds) => seconds <= 30).length,
      seeds_ending_with_at_most_5_suboptimal: runs.filter((run) => run.suboptimal <= 5).length,
      zero_losses_seconds: spread(zero),
      total_seconds: spread(runs.map((run) => run.total_seconds)),
      update_ms: spread(runs.map((run) => run.update_ms)),
      suboptimal: spread(runs.map((run) => run.suboptimal)),
      value_error: spread(runs.map((run) => run.value_error)),
      patch_seconds: spread(runs.map((run) => run.patch_seconds)),
      same_seed_same_bits: again.hash === runs[0].hash,
    };
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Seconds from opening the page until training can start. */
async function readySeconds(browser, url) {
  const page = await browser.newPage();
  const start = performance.now();
  await page.goto(url);
  await page.getByRole('button', { name: 'Train' }).and(page.locator(':enabled')).waitFor();
  const seconds = (performance.now() - start) / 1000;
  await page.close();
  return seconds;
}

const folder = mkdtempSync(join(tmpdir(), 'glassbox-bench-'));
try {
  note('native');
  const nativeResult = nativeFigures(folder);
  const connect4Result = process.argv.includes('--no-connect4') ? undefined : connect4(folder);
  note('in the tab');
  const tab = await tabFigures();
  const figures = {
    sizes: sizes(),
    native: nativeResult,
    connect4: connect4Result,
    tab,
    tab_over_native_seconds: tab.total_seconds.median / nativeResult.train_seconds,
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
