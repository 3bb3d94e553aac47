import { describe, expect, it } from 'vitest';
import type { RunInfo } from './protocol';
import { bytesOf, entriesOf } from './sheet';
import type { Making, Result } from './store';

function making(seed: number, weights: [number, number][]): Making {
  const run = { preset: 'some_preset', seed, parameters: {} } as RunInfo;
  const bytes = weights.map(([update, size]): [number, Uint8Array] => [
    update,
    new Uint8Array(size),
  ]);
  return { run, weights: new Map(bytes) } as Making;
}

function result(id: number, made: Making, pinned = true): Result {
  return { id, made, pinned } as Result;
}

describe('a sheet', () => {
  it('has the kept figures by the run of an op that they came from', () => {
    const [one, other] = [making(0, []), making(0, [])];
    const results = [result(1, one), result(2, other), result(3, one), result(4, other, false)];
    const found = entriesOf(results).map((entry) => entry.results.map(({ id }) => id));
    expect(found).toEqual([[1, 3], [2]]);
  });

  it('counts the weights that entries share once, in base64', () => {
    const one = making(0, [
      [0, 300],
      [4, 300],
    ]);
    const other = making(0, [
      [0, 300],
      [6, 301],
    ]);
    const elsewhere = making(1, [[0, 30]]);
    expect(bytesOf(entriesOf([result(1, one)]))).toBe(800);
    expect(bytesOf(entriesOf([result(1, one), result(2, other)]))).toBe(400 * 2 + 404);
    expect(bytesOf(entriesOf([result(1, one), result(2, elsewhere)]))).toBe(840);
  });
});
