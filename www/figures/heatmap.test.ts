import { describe, expect, it } from 'vitest';
import type { Body } from '../protocol';
import { cellSize, isGrid } from './heatmap';

type Heatmap = Extract<Body, { type: 'heatmap' }>;

const places = (count: number) => Array.from({ length: count }, (_, at) => String(at + 1));

function heatmap(rows: [string, string[]], columns: [string, string[]]): Heatmap {
  const scale = ([name, labels]: [string, string[]]) => ({ name, unit: '', labels, domain: null });
  const colour = { kind: 'sequential', limit: 1, name: 'value' } as const;
  return { type: 'heatmap', rows: scale(rows), columns: scale(columns), values: [], colour };
}

describe('a grid of cells', () => {
  it('is told by its rows and columns, which are counted', () => {
    expect(isGrid(heatmap(['row', places(3)], ['column', places(4)]))).toBe(true);
  });

  it('is not a site over updates, a rank over seeds, or rows with names', () => {
    expect(isGrid(heatmap(['site', ['obs', 'head']], ['update', places(4)]))).toBe(false);
    expect(isGrid(heatmap(['rank', places(3)], ['seed', places(3)]))).toBe(false);
    expect(isGrid(heatmap(['row', ['top', 'bottom']], ['column', places(2)]))).toBe(false);
    expect(isGrid(heatmap(['row', []], ['column', []]))).toBe(false);
  });
});

describe('cells', () => {
  it('leave room for the name of each row that has one', () => {
    expect(cellSize(false, [16, 8], [160, 96], 12)).toEqual([20, 12]);
    expect(cellSize(false, [16, 8], [160, 96])).toEqual([20, 6]);
  });

  it('of a grid are squares that fit both ways', () => {
    expect(cellSize(true, [13, 13], [600, 220])).toEqual([16, 16]);
    expect(cellSize(true, [3, 40], [200, 220])).toEqual([5, 5]);
    expect(cellSize(true, [2, 2], [600, 220])).toEqual([30, 30]);
  });

  it('of a matrix take the width', () => {
    expect(cellSize(false, [2, 10], [600, 220])).toEqual([60, 24]);
    expect(cellSize(false, [100, 10], [600, 220])).toEqual([60, 4]);
  });
});
