import { describe, expect, it } from 'vitest';
import { downsample, type Point, path, spread, ticks } from './curve';

describe('ticks', () => {
  it('are round and inside the domain', () => {
    expect(ticks([0, 240], 6)).toEqual([0, 50, 100, 150, 200]);
    expect(ticks([0, 1], 4)).toEqual([0, 0.5, 1]);
    expect(ticks([-0.3, 0.3], 6)).toEqual([-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]);
  });

  it('of an empty domain are its one value', () => {
    expect(ticks([3, 3], 4)).toEqual([3]);
  });
});

describe('downsample', () => {
  it('keeps points that have a pixel column of their own', () => {
    const points: Point[] = [
      [0, 1],
      [1.5, 2],
      [4, 3],
    ];
    expect(downsample(points)).toEqual(points);
  });

  it('keeps the peaks of each pixel column in their order, and the last point', () => {
    const column = Array.from({ length: 100 }, (_, index): Point => [3 + index / 100, index % 7]);
    column[40] = [3.4, 99];
    column[60] = [3.6, -99];
    expect(downsample(column)).toEqual([[3.4, 99], [3.6, -99], column[99]]);
  });

  it('bounds thousands of points by two a column', () => {
    const points = Array.from({ length: 20000 }, (_, x): Point => [x / 100, Math.sin(x)]);
    const thinned = downsample(points);
    expect(thinned.length).toBeLessThanOrEqual(2 * 200 + 1);
    expect(thinned.at(-1)).toEqual(points.at(-1));
  });

  it('leaves out what is not a number', () => {
    expect(
      downsample([
        [0, 1],
        [1, Number.NaN],
        [2, 3],
      ]),
    ).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });
});

it('writes paths', () => {
  expect(
    path([
      [0, 1],
      [2.04, 3.26],
    ]),
  ).toBe('M0 1L2 3.3');
  expect(path([])).toBe('');
});

it('moves labels apart, within bounds', () => {
  expect(spread([10, 12, 50], 14, 0, 100)).toEqual([10, 24, 50]);
  expect(spread([95, 96], 14, 0, 100)).toEqual([86, 100]);
});
