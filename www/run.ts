// The run: opening, training, looking back.

import { setUpBoards } from './boards';
import { Clock } from './clock';
import { attempt, pauseEngine, request } from './engine';
import { look, lookWhileTraining, scoreEdits } from './look';
import { follow, recompute } from './ops';
import type { Event, PresetEntry, RunInfo } from './protocol';
import { forgetKeptRun, keepRun } from './safe';
import { initialState, pastUpTo, store } from './store';
import { type Link, readLink } from './url';

/** What a newly opened run starts with. */
function freshRun(run: RunInfo) {
  const { updates, checkpoints, scrubbed, secondsTrained, secondsLeft } = initialState;
  const { collapses, warning } = initialState;
  const { update, kept } = run;
  const past = { update, updates, checkpoints, collapses, warning, scrubbed, kept };
  return { run, ...past, secondsTrained, secondsLeft };
}

/** Opens a preset; the boards are the link's, if it has some. */
export async function open(preset: PresetEntry, { seed, set, boards }: Link): Promise<boolean> {
  const { device, run } = store.state;
  pause();
  return attempt('page', async () => {
    await request({ type: 'open', preset: preset.id, set, seed, device }, takeReports);
    const other = run?.preset !== preset.id;
    store.set({ set, results: other ? [] : store.state.results });
    if (other) {
      store.set({ op: preset.ops[0] ?? null, edits: [], editScores: null, unit: null });
      if (boards.length === 0) await setUpBoards(preset.states);
    }
    forgetKeptRun();
    await look();
    scoreEdits();
  });
}

export function presetOf(run: RunInfo | null): PresetEntry | undefined {
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

/** Takes in what a run reports. */
export function takeReports(events: Event[]): void {
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
      const { scores, kept } = event;
      const others = checkpoints.filter((point) => point.update !== event.update);
      checkpoints = [...others, { update: event.update, scores }];
      store.set({ kept });
    } else if (event.type === 'collapse') {
      const warning = { update: event.update, message: event.message };
      store.set({ warning, collapses: [...store.state.collapses, warning] });
    } else if (event.type === 'rewound') {
      const known = { ...store.state, update, updates, checkpoints };
      store.set({ ...pastUpTo(event.update, known), kept: event.kept, secondsLeft: null });
      ({ update, updates, checkpoints } = store.state);
    }
  }
  store.set({ update, updates, checkpoints });
}

/** The training that runs or ran last, and whether it went well. */
let underway: Promise<boolean> = Promise.resolve(true);

/** Trains to the end of the budget, or up to an update. */
export async function train(until = store.state.run?.updates ?? 0): Promise<void> {
  const { run, update, training } = store.state;
  if (!run || training || until <= update) return;
  store.set({ training: true, scrubbed: null });
  const clock = new Clock();
  underway = attempt('page', async () => {
    await request({ type: 'advance', updates: until - update }, (events) => {
      const before = store.state.update;
      takeReports(events);
      clock.tick(store.state.update - before);
      lookWhileTraining();
      if (events.some(({ type }) => type === 'checkpoint')) {
        keepRun();
        follow();
      }
    });
  });
  const well = await underway;
  store.set({ training: false });
  if (!well) return;
  await keepRun();
  await look();
  scoreEdits();
}

export function pause(): void {
  if (store.state.training) pauseEngine();
}

export async function toggleTraining(): Promise<void> {
  if (store.state.training) pause();
  else await train();
}

/**
 * Puts the run back to how it was at a checkpoint; what came after is dropped. Training that runs is
 * stopped first, since the engine would go on with it from there.
 */
export async function rewind(update: number): Promise<void> {
  pause();
  await underway;
  const well = await attempt('page', () =>
    request({ type: 'rewind', checkpoint: update }, takeReports),
  );
  if (!well) return;
  await keepRun(true);
  await look();
  scoreEdits();
  recompute();
}

/** The collapse was read. */
export function dismissWarning(): void {
  store.set({ warning: null });
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
  recompute();
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
