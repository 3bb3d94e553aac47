import { describe, expect, it } from 'vitest';
import { cellsBetween, eraserOf, standsAt } from './editing';
import type { Brush, Scene } from './protocol';

const brush = (name: string, shape: Brush['shape'], role: Brush['role'] = 'neutral'): Brush => ({
  name,
  shape,
  role,
});

const goal = brush('goal', 'flag', 'second');
const small = brush('small goal', 'flag');
const large = brush('large key', 'key');
const little = brush('little key', 'key');

const scene = {
  brushes: [goal, small, large, little, brush('free', null)],
  sprites: [
    { row: 0, column: 0, shape: 'flag', role: 'neutral', name: 'a goal worth less' },
    { row: 1, column: 1, shape: 'key', role: 'neutral', name: 'little key' },
  ],
} as unknown as Scene;

describe('what a brush paints', () => {
  it('is known by shape and colour, and by name where two look alike', () => {
    expect(standsAt(scene, { row: 0, column: 0 }, small)).toBe(true);
    expect(standsAt(scene, { row: 0, column: 0 }, goal)).toBe(false);
    expect(standsAt(scene, { row: 1, column: 0 }, small)).toBe(false);
    expect(standsAt(scene, { row: 1, column: 1 }, little)).toBe(true);
    expect(standsAt(scene, { row: 1, column: 1 }, large)).toBe(false);
  });

  it('is cleared by the brush without a shape', () => {
    expect(eraserOf(scene)).toBe(4);
    expect(eraserOf({ ...scene, brushes: [goal] })).toBe(-1);
  });
});

describe('the cells of a stroke', () => {
  it('leave no gap, however fast the pointer was', () => {
    expect(cellsBetween({ row: 2, column: 1 }, { row: 2, column: 4 })).toEqual(
      [2, 3, 4].map((column) => ({ row: 2, column })),
    );
    const steep = cellsBetween({ row: 0, column: 0 }, { row: 4, column: 2 });
    expect(steep.map(({ row }) => row)).toEqual([1, 2, 3, 4]);
    expect(steep.at(-1)).toEqual({ row: 4, column: 2 });
    expect(cellsBetween({ row: 3, column: 3 }, { row: 3, column: 3 })).toEqual([]);
  });
});
