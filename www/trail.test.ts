import { describe, expect, it } from 'vitest';
import type { Role, StateView } from './protocol';
import { trailsOf } from './trail';

type Thing = [name: string, role: Role, row: number, column: number];

function board(...things: Thing[]): StateView {
  const sprites = things.map(([name, role, row, column]) => ({
    name,
    role,
    row,
    column,
    shape: 'disc' as const,
    emphasis: false,
  }));
  return { scene: { sprites } } as unknown as StateView;
}

describe('trails', () => {
  it('follow a player from state to state, and no thing that stays', () => {
    const line = [0, 1, 2].map((column) =>
      board(['agent', 'first', 1, column], ['goal', 'second', 5, 5], ['foe', 'second', 0, column]),
    );
    expect(trailsOf(line, 1)).toEqual([
      { role: 'first', upTo: 1, cells: [0, 1, 2].map((column) => ({ row: 1, column })) },
    ]);
  });

  it('leave out what is many, and end where the player is gone', () => {
    const line = [
      board(['agent', 'first', 0, 0], ['piece', 'first', 4, 4], ['piece', 'first', 4, 5]),
      board(['agent', 'first', 0, 1], ['piece', 'first', 4, 4], ['piece', 'first', 4, 6]),
      board(['piece', 'first', 4, 4], ['piece', 'first', 4, 6]),
    ];
    expect(trailsOf(line, 2).map(({ cells }) => cells.length)).toEqual([2]);
    expect(trailsOf([], 0)).toEqual([]);
  });
});
