import { describe, expect, it, vi } from 'vitest';
import { change, clearHistory, stepBack, stepForward } from './history';
import type { StateView } from './protocol';
import { basis, initialState, isStale, type Result, Store, store } from './store';

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
  const made = { update: 10, basis: basis(initialState) } as Result;

  it('are fresh on the weights and boards that they were made from', () => {
    expect(isStale(made, { ...initialState, update: 10 })).toBe(false);
  });

  it('are stale at another checkpoint, on another board and under an edit', () => {
    const now = { ...initialState, update: 10 };
    expect(isStale(made, { ...now, scrubbed: 5 })).toBe(true);
    expect(isStale(made, { ...now, boards: { clean: board(1), corrupt: null } })).toBe(true);
    expect(isStale(made, { ...now, edits: [{ site: 'stem', op: 'zero' }] })).toBe(true);
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
