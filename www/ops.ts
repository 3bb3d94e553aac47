// Ops and their figures.

import { attempt, request } from './engine';
import { keepRun } from './safe';
import { basis, isStale, store } from './store';

const RECOMPUTE_DELAY_MS = 400;
/** An op that takes longer is not run again unasked. */
const QUICK_SECONDS = 2;

const lastSeconds = new Map<string, number>();
let lastResult = 0;
let recomputeTimer: ReturnType<typeof setTimeout> | undefined;

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

/** Seconds that an op took when it was last run; none when it has not been. */
export function secondsOf(op: string): number | undefined {
  return lastSeconds.get(op);
}

/** Runs an op on what is on show; its figures take the place of those that are not pinned. */
export async function runOp(op: string, parameters?: Record<string, unknown>): Promise<void> {
  const entry = store.state.catalogue?.ops.find(({ id }) => id === op);
  if (!entry || store.state.busy) return;
  const values = parameters ?? store.state.opParameters[op] ?? {};
  setOp(op, values);
  const { scrubbed, edits } = store.state;
  let started = performance.now();
  const madeFrom = basis(store.state);
  store.set({ busy: { label: entry.title, done: 0, total: 0, started } });
  await attempt('evidence', async () => {
    // Cancelling ends the worker, so that what it has trained is kept first.
    await keepRun(true);
    started = performance.now();
    const states = statesFor(entry.num_states);
    const checkpoint = scrubbed ?? undefined;
    await request({ type: 'op', op, parameters: values, states, checkpoint, edits }, (events) => {
      for (const event of events) {
        if (event.type === 'progress') {
          const { done, total } = event;
          store.set({ busy: { label: entry.title, done, total, started } });
        } else if (event.type === 'figures') {
          const { update, numbers } = event;
          lastSeconds.set(op, (performance.now() - started) / 1000);
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
