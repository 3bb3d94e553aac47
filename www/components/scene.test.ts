import { describe, expect, it } from 'vitest';
import type { Scene, Sprite, Target } from '../protocol';
import { neighbourOf } from './board_overlay';
import { differingCells, isColumnwise } from './scene';

const sprite = (row: number, column: number, role: Sprite['role']): Sprite => ({
  row,
  column,
  shape: 'disc',
  role,
  name: role,
  emphasis: false,
});

const target = (action: number, row: number, column: number): Target => ({
  action,
  row,
  column,
  legal: true,
  shown: true,
});

function scene(patch: Partial<Scene>): Scene {
  return {
    rows: 2,
    columns: 2,
    grid: 'lines',
    sprites: [],
    strokes: [],
    targets: [],
    brushes: [],
    status: '',
    ...patch,
  };
}

describe('differing cells', () => {
  it('are those where something else stands', () => {
    const one = scene({ sprites: [sprite(0, 0, 'first'), sprite(1, 1, 'second')] });
    const other = scene({ sprites: [sprite(0, 1, 'first'), sprite(1, 1, 'second')] });
    expect(differingCells(one, other)).toEqual(new Set(['0,0', '0,1']));
    expect(differingCells(one, one).size).toBe(0);
  });
});

describe('columnwise actions', () => {
  it('own a column each', () => {
    expect(
      isColumnwise(scene({ targets: [target(0, 0, 0), target(0, 1, 0), target(1, 0, 1)] })),
    ).toBe(true);
    expect(
      isColumnwise(
        scene({ targets: [target(0, 0, 0), target(1, 0, 1), target(2, 1, 0), target(3, 1, 1)] }),
      ),
    ).toBe(false);
    expect(isColumnwise(scene({ targets: [] }))).toBe(false);
  });
});

describe('arrow keys', () => {
  const cells = [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => ({ row, column })));

  it('go to the neighbour and stop at the edge', () => {
    expect(neighbourOf(cells, 4, [0, 1])).toBe(5);
    expect(neighbourOf(cells, 4, [-1, 0])).toBe(1);
    expect(neighbourOf(cells, 5, [0, 1])).toBe(5);
  });

  it('jump over gaps', () => {
    const sparse = [
      { row: 0, column: 0 },
      { row: 0, column: 2 },
    ];
    expect(neighbourOf(sparse, 0, [0, 1])).toBe(1);
  });
});
