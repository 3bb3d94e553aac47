// The evidence sheet: figures that are kept, with all that they were made from, as files.

import { EngineError } from './client';
import { ask, attempt } from './engine';
import { download } from './files';
import type { Evidence } from './protocol';
import { type Making, type Result, store } from './store';

/** Kept figures of one run of an op. */
export interface SheetEntry {
  made: Making;
  results: Result[];
}

/** What is kept, by the run of an op that it came from, in order. */
export function entriesOf(results: Result[]): SheetEntry[] {
  const entries = new Map<Making, Result[]>();
  for (const result of results.filter(({ pinned }) => pinned))
    entries.set(result.made, [...(entries.get(result.made) ?? []), result]);
  return [...entries].map(([made, own]) => ({ made, results: own }));
}

/** Fetches the weights that a making still lacks; says whether it has them all. */
export async function collect(made: Making): Promise<boolean> {
  await made.ready;
  for (const update of made.read) {
    if (made.weights.has(update)) continue;
    // Another run may have a checkpoint of that update too.
    if (store.state.run !== made.run) return false;
    try {
      const file = await ask('file', { type: 'export', checkpoint: update, what: 'weights' });
      made.weights.set(update, file.bytes);
    } catch {
      return false;
    }
  }
  return made.read.length > 0;
}

/** About how many bytes the weights of a sheet take, which are written once each. */
export function bytesOf(entries: SheetEntry[]): number {
  const known = new Map<string, number>();
  for (const { made } of entries) {
    const { preset, seed, parameters } = made.run;
    for (const [update, { length }] of made.weights)
      known.set(JSON.stringify([preset, seed, parameters, update]), length);
  }
  return [...known.values()].reduce((sum, length) => sum + Math.ceil(length / 3) * 4, 0);
}

/** The sheet as JSON that the command line replays. */
export async function saveSheet(): Promise<void> {
  await attempt('evidence', async () => {
    const entries: Evidence[] = [];
    for (const entry of entriesOf(store.state.results)) entries.push(await evidenceOf(entry));
    const { name, bytes } = await ask('file', { type: 'sheet', entries });
    download(name, bytes, 'application/json');
  });
}

async function evidenceOf({ made, results }: SheetEntry): Promise<Evidence> {
  if (!(await collect(made))) {
    const title = results[0]?.figure.title ?? made.op;
    throw new EngineError(
      'sheet',
      `the weights behind “${title}” are gone with the run that it was made in, so that it cannot be replayed; let it go, or run it again`,
    );
  }
  const { op, parameters, edits, update, checkpoints, numbers } = made;
  return {
    op,
    parameters,
    states: made.boards.map(({ state }) => state),
    edits,
    update,
    checkpoints,
    device: made.run.device,
    figures: results.map(({ figure }) => figure),
    numbers,
    weights: [...made.weights.values()],
  };
}

/** The sheet as one page that needs nothing else. */
export async function saveSheetPage(): Promise<void> {
  const { sheetPage } = await import('./sheet_page');
  const { catalogue, results } = store.state;
  download('glassbox-evidence.html', await sheetPage(entriesOf(results), catalogue), 'text/html');
}
