// Keeps what is drawn true: asks for the views of both boards, and for the scores under edits,
// whenever something that they depend on has changed. One question at a time; the newest wins.

import { ask, report } from './engine';
import type { StateView, View } from './protocol';
import { type State, store, type Which } from './store';

let looking = false;
let lookAgain = false;
let lastLook = 0;
let scoreTimer: ReturnType<typeof setTimeout> | undefined;

const TRAINING_INTERVAL_MS = 200;

/** Whether a view is of the board that is now on show. */
export function isCurrent(view: View | null, which: Which, state: State): view is View {
  const board = state.boards[which];
  return (
    view !== null &&
    board !== null &&
    (view.at === board || JSON.stringify(view.at.state) === JSON.stringify(board.state))
  );
}

/** A new engine has no run until what was kept is open in it. */
function canAsk(): boolean {
  return store.state.run !== null && store.state.engine.status === 'ready';
}

/** What the agent on show makes of a board; with a search, if it can and the visitor wants one. */
export async function viewOf(board: StateView, search: boolean): Promise<View> {
  const { scrubbed, searchOn, run, edits } = store.state;
  return ask('view', {
    type: 'look',
    state: board.state,
    checkpoint: scrubbed ?? undefined,
    search: search && searchOn && run?.searches === true,
    edits,
  });
}

async function lookAt(which: Which): Promise<void> {
  const { boards, active } = store.state;
  const board = boards[which];
  if (!board) {
    store.set({ views: { ...store.state.views, [which]: null } });
    return;
  }
  const view = await viewOf(board, which === active);
  store.set({ views: { ...store.state.views, [which]: view } });
}

/** Asks for both views. */
export async function look(): Promise<void> {
  if (!canAsk()) return;
  if (looking) {
    lookAgain = true;
    return;
  }
  looking = true;
  do {
    lookAgain = false;
    lastLook = performance.now();
    await report('page', async () => {
      const first = store.state.active;
      await lookAt(first);
      await lookAt(first === 'clean' ? 'corrupt' : 'clean');
    });
  } while (lookAgain && canAsk());
  looking = false;
}

/** The same while training, a few times a second. */
export function lookWhileTraining(): void {
  if (store.state.scrubbed === null && performance.now() - lastLook > TRAINING_INTERVAL_MS) look();
}

/** Asks for the scores with and without the edits, once the visitor has paused a moment. */
export function scoreEdits(): void {
  clearTimeout(scoreTimer);
  if (store.state.edits.length === 0) {
    store.set({ editScores: null });
    return;
  }
  if (store.state.training) return;
  scoreTimer = setTimeout(() => {
    if (!canAsk()) return;
    report('page', async () => {
      const { edits } = store.state;
      const checkpoint = store.state.scrubbed ?? undefined;
      const plain = await ask('scores', { type: 'score', checkpoint });
      const edited = await ask('scores', { type: 'score', checkpoint, edits });
      if (store.state.edits === edits)
        store.set({ editScores: { without: plain.scores, with: edited.scores } });
    });
  }, 150);
}
