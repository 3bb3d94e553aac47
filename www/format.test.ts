import { expect, it } from 'vitest';
import { formatNumber, formatScore, formatSeconds } from './format';

it.each([
  [0, '0'],
  [4520, '4,520'],
  [-7, '−7'],
  [0.62, '.62'],
  [0.5, '.5'],
  [0.031, '.031'],
  [-0.0123, '−.012'],
  [0.00347, '.0035'],
  [0.0006, '.0006'],
  [0.9987, '.9987'],
  [12.345, '12.3'],
  [1.5, '1.5'],
  [1234.5, '1,235'],
  [0.000012, '1.2e−5'],
  [Number.NaN, 'none'],
])('writes %d as %s', (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

it('says what a number is out of, and its unit', () => {
  expect(formatScore({ value: 7, out_of: 4520, unit: '' })).toBe('7 of 4,520');
  expect(formatScore({ value: 83, out_of: null, unit: '%' })).toBe('83 %');
});

it.each([
  [0.01, 'under 0.1 s'],
  [0.31, '0.3 s'],
  [42.4, '42 s'],
  [200, '3 min 20 s'],
  [119.9, '2 min'],
  [1200, '20 min'],
])('writes %d seconds as %s', (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});
