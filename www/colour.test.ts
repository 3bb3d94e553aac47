import { describe, expect, it } from 'vitest';
import { colourOf, diverging, mix, parseHex, place, ramp, sequential } from './colour';

describe('place', () => {
  it('puts zero in the middle of a diverging scale and at the start of a sequential one', () => {
    expect(place('diverging', 0, 2)).toBe(0.5);
    expect(place('sequential', 0, 2)).toBe(0);
  });

  it('stays on the scale beyond its limit and for values that are no numbers', () => {
    expect(place('diverging', -9, 2)).toBe(0);
    expect(place('sequential', 9, 2)).toBe(1);
    expect(place('sequential', Number.NaN, 2)).toBe(0);
  });

  it('takes a limit of zero as a scale on which everything is zero', () => {
    expect(place('diverging', 3, 0)).toBe(0.5);
    expect(place('sequential', 3, 0)).toBe(0);
  });
});

describe('CSS colours', () => {
  it('hit the stops exactly', () => {
    expect(diverging(0, 1)).toBe('var(--d-0)');
    expect(diverging(-1, 1)).toBe('var(--d-m5)');
    expect(diverging(1, 1)).toBe('var(--d-p5)');
    expect(sequential(0, 4)).toBe('var(--q-0)');
    expect(sequential(4, 4)).toBe('var(--q-10)');
    expect(sequential(2, 4)).toBe('var(--q-5)');
  });

  it('mix two neighbouring stops between them', () => {
    expect(sequential(0.25, 10)).toBe('color-mix(in srgb, var(--q-1) 25%, var(--q-0))');
    expect(diverging(0.1, 1)).toBe('color-mix(in srgb, var(--d-p1) 50%, var(--d-0))');
  });

  it('leave out what has no value', () => {
    expect(colourOf({ kind: 'sequential', limit: 1, name: '' }, null)).toBe('none');
  });

  it('end a legend at both ends of the scale', () => {
    expect(ramp('diverging', 7).at(0)).toBe('var(--d-m5)');
    expect(ramp('diverging', 7).at(-1)).toBe('var(--d-p5)');
  });
});

describe('numbers for a canvas', () => {
  it('read the tokens', () => {
    expect(parseHex(' #17599a ')).toEqual([0x17, 0x59, 0x9a]);
    expect(parseHex('#fff')).toEqual([255, 255, 255]);
    expect(parseHex('')).toEqual([0, 0, 0]);
  });

  it('interpolate between neighbours', () => {
    expect(
      mix(
        [
          [0, 0, 0],
          [100, 200, 50],
        ],
        0.5,
      ),
    ).toEqual([50, 100, 25]);
    expect(
      mix(
        [
          [0, 0, 0],
          [100, 200, 50],
        ],
        1,
      ),
    ).toEqual([100, 200, 50]);
  });
});
