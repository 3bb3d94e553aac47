import { describe, expect, it } from 'vitest';
import type { RunInfo, StateView } from './protocol';
import { initialState, type State } from './store';
import { readLink, writeLink } from './url';

const run = { preset: 'some_preset', seed: 7 } as RunInfo;
const board = (state: unknown) => ({ state }) as StateView;

function stateOf(patch: Partial<State>): State {
  return { ...initialState, run, ...patch };
}

describe('links', () => {
  it('say nothing while no run is open', () => {
    expect(writeLink(initialState)).toBe('');
  });

  it('leave out what is as the preset has it', () => {
    expect(writeLink(stateOf({}))).toBe('?preset=some_preset&seed=7');
  });

  it('bring back everything that they say', () => {
    const edits = [{ site: 'stem', select: { units: [3] }, op: 'zero' as const }];
    const state = stateOf({
      set: { 'agent.simulations': 32 },
      scrubbed: 120,
      update: 180,
      boards: { clean: board({ cells: [1, 0] }), corrupt: board({ cells: [0, 1] }) },
      edits,
      op: 'some_op',
      opParameters: { some_op: { site: 'stem' } },
      live: { some_op: true },
      device: 'webgpu',
    });
    expect(readLink(writeLink(state))).toEqual({
      preset: 'some_preset',
      seed: 7,
      set: { 'agent.simulations': 32 },
      checkpoint: 120,
      boards: [{ cells: [1, 0] }, { cells: [0, 1] }],
      edits,
      op: 'some_op',
      parameters: { site: 'stem' },
      live: true,
      device: 'webgpu',
      unread: [],
    });
  });

  it('name the newest update when nothing was scrubbed to', () => {
    expect(readLink(writeLink(stateOf({ update: 40 }))).checkpoint).toBe(40);
  });

  it.each([
    ['seed=-1', 'seed', 0],
    ['seed=1e99', 'seed', 0],
    ['set=[1]', 'set', {}],
    ['set={', 'set', {}],
    ['boards={}', 'boards', []],
    ['edits=null', 'edits', []],
    ['edits=[{"site":"stem"}]', 'edits', []],
    ['checkpoint=soon', 'checkpoint', null],
    ['live=maybe', 'live', false],
    ['live=1', 'live', false],
    ['device=abacus', 'device', 'cpu'],
  ] as const)('survive %s', (query, field, expected) => {
    const link = readLink(`?${query}`);
    expect(link[field]).toEqual(expected);
    expect(link.unread).toEqual([field]);
  });
});
