// Ops and their figures.

import { ask, attempt, request } from './engine';
import type { Event, OpEntry, RunInfo } from './protocol';
import { collect } from './sheet';
import { basis, boardsFor, isStale, type Making, type Result, store } from './store';

const RECOMPUTE_DELAY_MS = 400;
/** An op that takes longer is not run again unasked. */
const QUICK_SECONDS = 2;
/** An op that runs by itself is told of only when it takes longer. */
const QUIET_MS = 300;

const lastSeconds = new Map<string, number>();
let lastResult = 0;
let recomputeTimer: ReturnType<typeof setTimeout> | undefined;
/** Resolves when every op that was begun has ended, well or not. */
let underway: Promise<unknown> = Promise.resolve();

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

/** Whether an op is run again after each checkpoint while the agent trains. */
export function setLive(op: string, on: boolean): void {
  store.set({ live: { ...store.state.live, [op]: on } });
}

/** Seconds that an op took when it was last run; none when it has not been. */
export function secondsOf(op: string): number | undefined {
  return lastSeconds.get(op);
}

/** Resolves when every op that was begun has ended. */
export function opsEnded(): Promise<unknown> {
  return underway;
}

/** Runs an op on what is on show; its figures take the place of those that are not pinned. */
export async function runOp(op: string, parameters?: Record<string, unknown>): Promise<void> {
  const entry = store.state.catalogue?.ops.find(({ id }) => id === op);
  if (!entry || store.state.busy) return;
  const values = parameters ?? store.state.opParameters[op] ?? {};
  setOp(op, values);
  const started = performance.now();
  store.set({ busy: { label: entry.title, done: 0, total: 0, started, cancelling: false } });
  await perform(entry, values, 0);
}

/** Runs an op after those before it, told of after `quiet` milliseconds; says whether it went well. */
function perform(entry: OpEntry, parameters: Record<string, unknown>, quiet: number) {
  const result = underway.then(() => performNow(entry, parameters, quiet));
  underway = result.catch(() => {});
  return result;
}

async function performNow(
  entry: OpEntry,
  parameters: Record<string, unknown>,
  quiet: number,
): Promise<boolean> {
  const { run } = store.state;
  if (!run) return false;
  const started = performance.now();
  let counted = { done: 0, total: 0 };
  const tell = () => {
    const cancelling = store.state.busy?.cancelling ?? false;
    store.set({ busy: { label: entry.title, ...counted, started, cancelling } });
  };
  const timer = quiet > 0 ? setTimeout(tell, quiet) : undefined;
  if (quiet === 0) tell();
  const basedOn = basis(store.state, entry.num_states);
  const made = makingOf(entry, parameters, run);
  const take = (events: Event[]) => {
    for (const event of events) {
      if (event.type === 'progress') {
        counted = { done: event.done, total: event.total };
        if (store.state.busy) tell();
      } else if (event.type === 'figures') {
        lastSeconds.set(entry.id, (performance.now() - started) / 1000);
        const { figures, update, numbers, read, checkpoints } = event;
        Object.assign(made, { update, numbers, read, checkpoints });
        const common = { op: entry.id, parameters, update, basis: basedOn, numbers, made };
        show(figures.map((figure) => ({ ...common, figure })));
      }
    }
  };
  const well = await attempt('evidence', () => askFor(made, take));
  clearTimeout(timer);
  store.set({ busy: null });
  return well;
}

/** What an op is given, as things stand; what it looked at is known once it has answered. */
function makingOf(entry: OpEntry, parameters: Record<string, unknown>, run: RunInfo): Making {
  const { edits, update } = store.state;
  return {
    op: entry.id,
    parameters,
    run,
    boards: boardsFor(store.state, entry.num_states),
    edits,
    update,
    numbers: [],
    read: [],
    checkpoints: [],
    weights: new Map(),
    ready: Promise.resolve(),
  };
}

/** Runs the op of a making, and exports the weights that it is about. */
function askFor(made: Making, take: (events: Event[]) => void): Promise<void> {
  const { op, parameters, edits } = made;
  const states = made.boards.map(({ state }) => state);
  const checkpoint = store.state.scrubbed ?? undefined;
  const answer = request({ type: 'op', op, parameters, states, checkpoint, edits }, take);
  // In one breath: training goes on only after both, so that these are the weights that it read.
  const file = ask('file', { type: 'export', checkpoint, what: 'weights' }).catch(() => null);
  made.ready = file.then((written) => {
    if (written) made.weights.set(made.update, written.bytes);
  });
  return answer;
}

/** Puts fresh figures in the place of those that are not pinned. */
function show(fresh: Omit<Result, 'id' | 'pinned'>[]): void {
  const numbered = fresh.map((result) => {
    lastResult += 1;
    return { ...result, id: lastResult, pinned: false };
  });
  store.set({ results: [...store.state.results.filter(({ pinned }) => pinned), ...numbered] });
}

export function pinResult(id: number, pinned: boolean): void {
  const results = store.state.results.map((each) => (each.id === id ? { ...each, pinned } : each));
  store.set({ results });
  const made = results.find((each) => each.id === id)?.made;
  // Later the run may have gone elsewhere.
  if (pinned && made) collect(made).then(() => store.set({ results: [...store.state.results] }));
}

export function removeResult(id: number): void {
  store.set({ results: store.state.results.filter((each) => each.id !== id) });
}

/** The same op again, if it is quick, once the visitor has stopped scrubbing. */
export function recompute(): void {
  clearTimeout(recomputeTimer);
  recomputeTimer = setTimeout(() => {
    const { results, training } = store.state;
    const last = results.findLast(({ pinned }) => !pinned);
    const isQuick = last && (lastSeconds.get(last.op) ?? 0) < QUICK_SECONDS;
    if (isQuick && !training && isStale(last, store.state)) runOp(last.op, last.parameters);
  }, RECOMPUTE_DELAY_MS);
}

/** The op that is to be run again after a checkpoint, if there is one. */
function liveOp(): OpEntry | null {
  const { op, live, scrubbed, catalogue } = store.state;
  // Who looks at an earlier checkpoint is not interrupted.
  if (!op || !live[op] || scrubbed !== null) return null;
  return catalogue?.ops.find(({ id }) => id === op) ?? null;
}

let following = false;
let behind = false;

/** After a checkpoint: runs the op on show again if it is live; what comes meanwhile is one more run. */
export async function follow(): Promise<void> {
  behind = true;
  if (following) return;
  following = true;
  while (behind) {
    behind = false;
    await underway;
    const entry = liveOp();
    if (!entry) break;
    const parameters = store.state.opParameters[entry.id] ?? {};
    // What fails or is called off once would be so again at every checkpoint.
    if (!(await perform(entry, parameters, QUIET_MS))) setLive(entry.id, false);
  }
  following = false;
}
