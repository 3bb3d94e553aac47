import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Command, StateView } from './protocol';
import { initialState, store, type Walk } from './store';

/** A corridor with its goal at place 3: how its agent goes along it, and what its floor does. */
const world = { action: (_place: number) => 1, slips: (_seed: number) => false };
const MOST_STEPS = 500;

vi.mock('./engine', () => ({
  ask: async (type: string, command: Command) => answer(type, command),
  attempt: async (_place: string, work: () => Promise<void>) => {
    await work();
    return true;
  },
  report: async (_place: string, work: () => Promise<void>) => work(),
}));
vi.stubGlobal('matchMedia', () => ({ matches: true }));
const { handOver, returnOf, stopWalk } = await import('./walk');
const { undo } = await import('./boards');

interface Place {
  place: number;
  steps: number;
}

function boardOf(state: Place): StateView {
  const ended = state.place === 3;
  return { state, terminated: ended, truncated: false, reward: ended ? 1 : -0.1 } as StateView;
}

function answer(type: string, command: Command): unknown {
  if (command.type === 'look') {
    const { place } = command.state as Place;
    const decision = { action: world.action(place), logits: [place, 1] };
    return { at: boardOf(command.state as Place), network: decision, search: null, optimum: null };
  }
  if (command.type !== 'step' || type !== 'state') throw new Error(command.type);
  const { place, steps } = command.state as Place;
  const slips = world.slips(command.seed ?? 0);
  return boardOf({ place: place + (slips ? 0 : command.action), steps: steps + 1 });
}

function walk(): Walk {
  const { walk } = store.state;
  if (!walk) throw new Error('nobody walks');
  return walk;
}

beforeEach(() => {
  const start = boardOf({ place: 0, steps: 4 });
  store.set({ ...initialState, boards: { clean: start, corrupt: null }, line: [start] });
  world.action = () => 1;
  world.slips = () => false;
});

describe('a walk', () => {
  it('goes to the end, keeps every board, and is undone in one', async () => {
    await handOver();
    expect(walk().end).toBe('terminated');
    expect(walk().steps).toBe(3);
    expect(store.state.line.map(({ state }) => (state as Place).place)).toEqual([0, 1, 2, 3]);
    expect(returnOf(walk())).toBeCloseTo(0.8);
    undo();
    expect(store.state.line).toHaveLength(1);
    expect(store.state.canUndo).toBe(false);
  });

  it('ends where it comes back to where it was', async () => {
    world.action = (place) => (place === 0 ? 1 : -1);
    await handOver();
    expect(walk()).toMatchObject({ end: 'circle', circle: 0, steps: 2 });
  });

  it('goes on where chance may break the circle, to a limit', async () => {
    world.action = (place) => (place === 0 ? 1 : -1);
    world.slips = (seed) => seed === 7;
    await handOver();
    expect(walk()).toMatchObject({ end: 'limit', circle: null, steps: MOST_STEPS });
  });

  it('ends when it is told to, with what was walked', async () => {
    world.action = (place) => {
      if (place === 2) stopWalk();
      return 1;
    };
    await handOver();
    expect(walk()).toMatchObject({ end: 'stopped', steps: 2 });
    expect(store.state.ply).toBe(2);
  });

  it('ends without a trace when the visitor has gone elsewhere', async () => {
    const other = boardOf({ place: 1, steps: 0 });
    world.action = (place) => {
      if (place === 2) store.set({ boards: { clean: other, corrupt: null }, line: [other] });
      return 1;
    };
    await handOver();
    expect(store.state.line).toEqual([other]);
    expect(store.state.boards.clean).toBe(other);
    expect(walk().line).not.toBe(store.state.line);
  });
});
