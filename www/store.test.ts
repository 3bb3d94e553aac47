import { describe, expect, it, vi } from 'vitest';
import { change, clearHistory, stepBack, stepForward } from './history';
import type { StateView } from './protocol';
import {
  basis,
  bestBefore,
  boardsFor,
  initialState,
  isStale,
  pastUpTo,
  type Result,
  type State,
  Store,
  store,
} from './store';

const board = (state: unknown) => ({ state }) as StateView;

describe('store', () => {
  it('tells its listeners until they leave', () => {
    const own = new Store();
    const listener = vi.fn();
    const leave = own.subscribe(listener);
    own.set({ update: 1 });
    leave();
    own.set({ update: 2 });
    expect(listener).toHaveBeenCalledTimes(1);
    expect(own.state.update).toBe(2);
  });

  it('keeps what is not patched', () => {
    const own = new Store();
    own.set({ update: 5 });
    expect(own.state).toEqual({ ...initialState, update: 5 });
  });
});

describe('figures', () => {
  const made = of(initialState, 0);

  /** A figure of an op that looks at so many boards. */
  function of(state: State, count: number): Result {
    const boards = boardsFor(state, count);
    return { update: 10, basis: basis(state, count), made: { boards } } as unknown as Result;
  }

  it('are fresh on the weights and boards that they were made from', () => {
    expect(isStale(made, { ...initialState, update: 10 })).toBe(false);
  });

  it('are stale at another checkpoint, on other boards of their own and under an edit', () => {
    const now = { ...initialState, update: 10 };
    expect(isStale(made, { ...now, scrubbed: 5 })).toBe(true);
    const pair = { ...now, boards: { clean: board(1), corrupt: board(2) } };
    const moved = { ...pair, boards: { clean: board(1), corrupt: board(3) } };
    expect(isStale(made, pair)).toBe(false);
    expect(isStale(of(pair, 1), moved)).toBe(false);
    expect(isStale(of(pair, 1), { ...pair, active: 'corrupt' })).toBe(true);
    expect(isStale(of(pair, 2), pair)).toBe(false);
    expect(isStale(of(pair, 2), moved)).toBe(true);
    expect(isStale(made, { ...now, edits: [{ site: 'stem', op: 'zero' }] })).toBe(true);
  });
});

describe('a run that goes back', () => {
  const at = (update: number) => ({ update, metrics: {}, scores: [], message: '' });
  const now = {
    ...initialState,
    update: 7,
    updates: [1, 2, 3, 4, 5, 6, 7].map(at),
    checkpoints: [0, 2, 4, 6].map(at),
    collapses: [3, 5].map(at),
    scrubbed: 2,
    warning: at(5),
  };
  const updatesOf = (points: { update: number }[]) => points.map(({ update }) => update);

  it('keeps its past up to that update, and forgets what it was warned of after', () => {
    const past = pastUpTo(4, now);
    expect(past.update).toBe(4);
    expect(updatesOf(past.updates)).toEqual([1, 2, 3, 4]);
    expect(updatesOf(past.checkpoints)).toEqual([0, 2, 4]);
    expect(updatesOf(past.collapses)).toEqual([3]);
    expect(past.warning).toBeNull();
    expect(pastUpTo(5, now).warning).toBe(now.warning);
  });

  it('goes on showing an older checkpoint, and the newest weights where that one is the newest', () => {
    expect(pastUpTo(4, now).scrubbed).toBe(2);
    expect(pastUpTo(2, now).scrubbed).toBeNull();
    expect(pastUpTo(0, now).scrubbed).toBeNull();
  });

  it('has a best checkpoint to go to only where that is behind it', () => {
    const kept = { rewindable: [0, 2, 4, 6], best: 4 };
    expect(bestBefore({ ...now, kept })).toBe(4);
    expect(bestBefore({ ...now, kept, update: 4 })).toBeNull();
    expect(bestBefore(now)).toBeNull();
  });
});

describe('history', () => {
  it('undoes and redoes boards and edits, and forgets the future after a new change', () => {
    clearHistory();
    const boards = { clean: board('a'), corrupt: null };
    change({ boards });
    change({ edits: [{ site: 'stem', op: 'zero' }] });
    expect(stepBack()).toBe(true);
    expect(store.state.edits).toEqual([]);
    expect(store.state.boards).toBe(boards);
    expect(stepForward()).toBe(true);
    expect(store.state.edits).toHaveLength(1);
    expect(stepBack() && stepBack()).toBe(true);
    expect(store.state.boards.clean).toBeNull();
    expect([store.state.canUndo, store.state.canRedo]).toEqual([false, true]);
    change({ boards });
    expect(store.state.canRedo).toBe(false);
    expect(stepForward()).toBe(false);
  });
});
