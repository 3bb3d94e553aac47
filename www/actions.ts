// Actions on the run: opening, training, looking back, ops, files. Board actions are in boards.ts.

import { setUpBoards } from './boards';
import { ask, attempt, hasSimd, pauseEngine, request, startEngine } from './engine';
import { look, lookWhileTraining, scoreEdits } from './look';
import type { DeviceName, Event, ExportKind, PresetEntry, RunInfo } from './protocol';
import { basis, initialState, type PageError, store } from './store';
import { type Link, readLink } from './url';

/** Everything needed to go on after the worker has died. */
let safe: { bytes: Uint8Array; update: number; taken: number } | null = null;
const SAFE_INTERVAL_MS = 10_000;

let lastResult = 0;

function showError(code: string, message: string, place: PageError['place']): void {
  store.set({ error: { code, message, place } });
}

/** Starts the engine and opens what the link says. */
export async function boot(link: Link): Promise<void> {
  if (!hasSimd()) {
    store.set({ engine: { status: 'unsupported' } });
    return;
  }
  await attempt('page', async () => {
    await startEngine(link.device, onDead);
    const catalogue = await ask('catalogue', { type: 'catalogue' });
    store.set({ catalogue });
  });
  const { catalogue } = store.state;
  if (!catalogue) return;
  const { presets } = catalogue;
  const preset = presets.find(({ id }) => id === link.preset) ?? presets[0];
  if (!preset) return;
  if (!(await open(preset, link))) return;
  if (link.preset && link.preset !== preset.id)
    showError(
      'unknown_id',
      `This link names the preset "${link.preset}", which is not here; ${preset.title} is open instead.`,
      'page',
    );
  await followLink(link);
}

/** What a link says beyond the run's start: boards, edits, op, and how far to train. */
async function followLink(link: Link): Promise<void> {
  if (link.boards.length > 0)
    await attempt('world', async () => setUpBoards(link.boards.slice(0, 2)));
  if (link.edits.length > 0) store.set({ edits: link.edits });
  const op = store.state.catalogue?.ops.find(({ id }) => id === link.op)?.id ?? store.state.op;
  if (op) store.set({ op, opParameters: { ...store.state.opParameters, [op]: link.parameters } });
  await look();
  if (link.checkpoint) await train(link.checkpoint);
  else scoreEdits();
}

function freshRun(run: RunInfo) {
  const { updates, checkpoints, scrubbed, secondsTrained, secondsLeft } = initialState;
  return { run, update: run.update, updates, checkpoints, scrubbed, secondsTrained, secondsLeft };
}

async function open(preset: PresetEntry, { seed, set, boards }: Link): Promise<boolean> {
  const { device, run } = store.state;
  pause();
  return attempt('page', async () => {
    await request({ type: 'open', preset: preset.id, set, seed, device }, onTraining);
    const other = run?.preset !== preset.id;
    store.set({ set, results: other ? [] : store.state.results });
    if (other) {
      store.set({ op: preset.ops[0] ?? null, edits: [], editScores: null, unit: null });
      if (boards.length === 0) await setUpBoards(preset.states);
    }
    safe = null;
    await look();
  });
}

function presetOf(run: RunInfo | null): PresetEntry | undefined {
  return store.state.catalogue?.presets.find(({ id }) => id === run?.preset);
}

/** Opens a preset as a new run. */
export async function openPreset(
  id: string,
  seed = store.state.run?.seed ?? 0,
  set: Record<string, unknown> = {},
): Promise<boolean> {
  const preset = store.state.catalogue?.presets.find((entry) => entry.id === id);
  if (!preset) return false;
  return open(preset, { ...readLink(''), seed, set });
}

/** Starts the run again from update 0. */
export async function reset(): Promise<void> {
  const { run, set } = store.state;
  if (run) await openPreset(run.preset, run.seed, set);
}

function onTraining(events: Event[]): void {
  const { state } = store;
  let { update, updates, checkpoints } = state;
  for (const event of events) {
    if (event.type === 'opened') {
      store.set(freshRun(event));
      ({ update, updates, checkpoints } = store.state);
    } else if (event.type === 'update') {
      update = event.update;
      updates = [...updates, { update, metrics: event.metrics }];
    } else if (event.type === 'checkpoint') {
      const { scores } = event;
      const others = checkpoints.filter((point) => point.update !== event.update);
      checkpoints = [...others, { update: event.update, scores }];
    }
  }
  store.set({ update, updates, checkpoints });
}

/** Trains to the end of the budget, or up to an update. */
export async function train(until = store.state.run?.updates ?? 0): Promise<void> {
  const { run, update, training } = store.state;
  if (!run || training || until <= update) return;
  store.set({ training: true, scrubbed: null });
  const clock = new Clock();
  const well = await attempt('page', async () => {
    await request({ type: 'advance', updates: until - update }, (events) => {
      const before = store.state.update;
      onTraining(events);
      clock.tick(store.state.update - before);
      lookWhileTraining();
      if (events.some(({ type }) => type === 'checkpoint')) keepSafe();
    });
  });
  store.set({ training: false });
  if (!well) return;
  await keepSafe();
  await look();
  scoreEdits();
}

/** Measures training: seconds so far, and an estimate of those left. */
class Clock {
  #last = performance.now();
  #perUpdate: number | null = null;

  tick(updates: number): void {
    if (updates <= 0) return;
    const now = performance.now();
    const seconds = (now - this.#last) / 1000;
    this.#last = now;
    const perUpdate = seconds / updates;
    // The first updates run before the browser has optimised the code, so they soon fade.
    this.#perUpdate = (this.#perUpdate ?? perUpdate) * 0.9 + perUpdate * 0.1;
    const { run, update, secondsTrained } = store.state;
    const secondsLeft = Math.max(0, (run?.updates ?? 0) - update) * this.#perUpdate;
    store.set({ secondsTrained: secondsTrained + seconds, secondsLeft });
  }
}

export function pause(): void {
  if (store.state.training) pauseEngine();
}

export async function toggleTraining(): Promise<void> {
  if (store.state.training) pause();
  else await train();
}

export async function stepOnce(): Promise<void> {
  await train(store.state.update + 1);
}

/** Shows a checkpoint; null for the newest weights. */
export function scrub(update: number | null): void {
  if (update === store.state.scrubbed) return;
  store.set({ scrubbed: update });
  look();
  scoreEdits();
}

/** Goes to the checkpoint before (−1) or after (+1) the one on show. */
export function scrubStep(step: number): void {
  const { checkpoints, scrubbed, update } = store.state;
  const shown = scrubbed ?? update;
  const known = checkpoints.map((point) => point.update).sort((a, b) => a - b);
  const next =
    step < 0 ? known.findLast((each) => each < shown) : known.find((each) => each > shown);
  if (next !== undefined) scrub(next === update ? null : next);
  else if (step > 0) scrub(null);
}

/** Drops what came after a checkpoint, so that training goes on from there. */
export async function rewind(update: number): Promise<void> {
  pause();
  const { updates, checkpoints } = store.state;
  const upTo = (point: { update: number }) => point.update <= update;
  await attempt('page', async () => {
    const run = await ask('opened', { type: 'rewind', update });
    store.set({
      ...freshRun(run),
      updates: updates.filter(upTo),
      checkpoints: checkpoints.filter(upTo),
    });
    await look();
  });
}

/** The op that takes a pair of boards, if there is one. */
export function pairOp(): string | null {
  return store.state.catalogue?.ops.find(({ num_states }) => num_states === 2)?.id ?? null;
}

/** Remembers the values of an op's form. */
export function setOp(op: string, parameters?: Record<string, unknown>): void {
  const { opParameters } = store.state;
  store.set({
    op,
    opParameters: parameters ? { ...opParameters, [op]: parameters } : opParameters,
  });
}

/** The states that an op looks at: none, the board on show, or the pair. */
function statesFor(numStates: number): unknown[] {
  const { boards, active } = store.state;
  const wanted = numStates === 2 ? [boards.clean, boards.corrupt] : [boards[active]];
  return wanted.slice(0, numStates).flatMap((board) => (board ? [board.state] : []));
}

/** Runs an op on what is on show; its figures take the place of those that are not pinned. */
export async function runOp(op: string, parameters?: Record<string, unknown>): Promise<void> {
  const entry = store.state.catalogue?.ops.find(({ id }) => id === op);
  if (!entry || store.state.busy) return;
  const values = parameters ?? store.state.opParameters[op] ?? {};
  setOp(op, values);
  const { scrubbed, edits } = store.state;
  const started = performance.now();
  const madeFrom = basis(store.state);
  store.set({ busy: { label: entry.title, done: 0, total: 0, started } });
  await attempt('evidence', async () => {
    const states = statesFor(entry.num_states);
    const checkpoint = scrubbed ?? undefined;
    await request({ type: 'op', op, parameters: values, states, checkpoint, edits }, (events) => {
      for (const event of events) {
        if (event.type === 'progress') {
          const { done, total } = event;
          store.set({ busy: { label: entry.title, done, total, started } });
        } else if (event.type === 'figures') {
          const { update, numbers } = event;
          const fresh = event.figures.map((figure) => {
            lastResult += 1;
            const made = { id: lastResult, op, parameters: values, update, basis: madeFrom };
            return { ...made, figure, numbers, pinned: false };
          });
          const kept = store.state.results.filter(({ pinned }) => pinned);
          store.set({ results: [...kept, ...fresh] });
        }
      }
    });
  });
  store.set({ busy: null });
}

export function pinResult(id: number, pinned: boolean): void {
  const results = store.state.results.map((each) => (each.id === id ? { ...each, pinned } : each));
  store.set({ results });
}

export function removeResult(id: number): void {
  store.set({ results: store.state.results.filter((each) => each.id !== id) });
}

/** Hands a file to the visitor. */
export function download(name: string, content: Uint8Array | string, type: string): void {
  const part = typeof content === 'string' ? content : new Uint8Array(content);
  const url = URL.createObjectURL(new Blob([part], { type }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

export async function exportFile(what: ExportKind): Promise<void> {
  await attempt('page', async () => {
    const checkpoint = store.state.scrubbed ?? undefined;
    const file = await ask('file', { type: 'export', checkpoint, what });
    download(file.name, file.bytes, 'application/octet-stream');
  });
}

/** Opens a file that `exportFile` wrote. */
export async function importFile(bytes: Uint8Array): Promise<boolean> {
  pause();
  const { device, run } = store.state;
  return attempt('page', async () => {
    await request({ type: 'import', bytes, device }, onTraining);
    const opened = store.state.run;
    store.set({ results: [], edits: [], editScores: null, unit: null });
    const preset = presetOf(opened);
    if (run?.environment !== opened?.environment) {
      store.set({ op: preset?.ops[0] ?? null });
      await setUpBoards(preset?.states ?? []);
    }
    await look();
  });
}

/** Moves the run to another device; it starts again from update 0. */
export async function setDevice(device: DeviceName): Promise<void> {
  const { run, set } = store.state;
  if (device === store.state.device && store.state.engine.status === 'ready') return;
  await attempt('page', async () => {
    await startEngine(device, onDead);
    store.set({ training: false, busy: null });
    if (run) await openPreset(run.preset, run.seed, set);
  });
}

/** Keeps the whole run in the page's memory now and then, in case the worker dies. */
async function keepSafe(): Promise<void> {
  const { update, training } = store.state;
  if (safe?.update === update) return;
  if (training && safe && performance.now() - safe.taken < SAFE_INTERVAL_MS) return;
  try {
    const file = await ask('file', { type: 'export', what: 'everything' });
    safe = { bytes: file.bytes, update, taken: performance.now() };
  } catch {
    // What was kept before is still there.
  }
}

function onDead(why: string): void {
  store.set({
    engine: { status: 'dead', why, safe: safe?.update ?? null },
    training: false,
    busy: null,
  });
}

/** Starts a new worker and goes on from what was kept. */
export async function recover(): Promise<void> {
  const { device, updates, checkpoints, scrubbed } = store.state;
  const kept = safe;
  const upTo = (point: { update: number }) => point.update <= (kept?.update ?? 0);
  await attempt('page', async () => {
    await startEngine(device, onDead);
    if (!kept) {
      await reset();
      return;
    }
    await request({ type: 'import', bytes: kept.bytes, device }, onTraining);
    const known = store.state.run?.checkpoints ?? [];
    store.set({
      updates: updates.filter(upTo),
      checkpoints: checkpoints.filter(upTo),
      scrubbed: scrubbed !== null && known.includes(scrubbed) ? scrubbed : null,
    });
    await look();
  });
}

export function dismissError(): void {
  store.set({ error: null });
}
