// Tic-tac-toe in the tab, over many seeds, and natively; from opening the page to ready.
import { join } from 'node:path';
import { native, note, option, spread } from './common.mjs';
import { inTab } from './tab.mjs';

const PRESET = 'tictactoe_alphazero';
const numSeeds = Number(option('--seeds') ?? 10);

export async function tictactoeFigures(tab, folder) {
  const out = join(folder, 'tictactoe.safetensors');
  const { summary } = native('train', PRESET, '--seed', '0', '--out', out).at(-1);
  const seed = async (seed) => {
    const result = await inTab(tab, trainInTab, { preset: PRESET, seed });
    note(`seed ${seed}: ${JSON.stringify(result)}`);
    return result;
  };
  const ready = await readySeconds(tab);
  const runs = [];
  for (let index = 0; index < numSeeds; index++) runs.push(await seed(index));
  const again = await seed(0);
  const zero = runs.map((run) => run.zero_losses_seconds ?? Number.POSITIVE_INFINITY);
  const total = spread(runs.map((run) => run.total_seconds));
  return {
    native: { train_seconds: summary.seconds, scores: summary.scores },
    ready_seconds: ready,
    seeds: numSeeds,
    seeds_with_zero_losses_within_30_s: zero.filter((seconds) => seconds <= 30).length,
    seeds_ending_with_at_most_5_suboptimal: runs.filter((run) => run.suboptimal <= 5).length,
    zero_losses_seconds: spread(zero),
    total_seconds: total,
    update_ms: spread(runs.map((run) => run.update_ms)),
    suboptimal: spread(runs.map((run) => run.suboptimal)),
    value_error: spread(runs.map((run) => run.value_error)),
    patch_seconds: spread(runs.map((run) => run.patch_seconds)),
    same_seed_same_bits: again.hash === runs[0].hash,
    tab_over_native_seconds: total.median / summary.seconds,
  };
}

/** Trains one seed in the tab, in a page that does nothing else. Runs inside the browser. */
async function trainInTab({ preset, seed }) {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const [opened] = await globalThis.ask({ type: 'open', preset, set: {}, seed, device: 'cpu' });
  let zero = null;
  let scores = [];
  for (;;) {
    const events = await globalThis.ask({ type: 'advance', updates: 10 });
    const checkpoint = events.findLast((event) => event.type === 'checkpoint');
    scores = checkpoint?.scores ?? scores;
    const lost = scores.find((score) => score.id === 'lines_lost_bare');
    if (zero === null && lost?.value === 0) zero = seconds();
    if (events.some((event) => event.type === 'finished')) break;
  }
  const total = seconds();
  const catalogue = (await globalThis.ask({ type: 'catalogue' }))[0];
  const states = catalogue.presets.find((entry) => entry.id === preset).states;
  const patchStart = performance.now();
  await globalThis.ask({ type: 'op', op: 'patch', states });
  const patch = (performance.now() - patchStart) / 1000;
  const [file] = await globalThis.ask({ type: 'export', what: 'weights' });
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

/** Seconds from opening the page until training can start. */
async function readySeconds({ browser, url }) {
  const page = await browser.newPage();
  const start = performance.now();
  await page.goto(url);
  await page.getByRole('button', { name: 'Train' }).and(page.locator(':enabled')).waitFor();
  const seconds = (performance.now() - start) / 1000;
  await page.close();
  return seconds;
}
