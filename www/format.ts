// Numbers and times as the page writes them.

import type { Number as Score } from './protocol';

const MINUS = '−';

/** A number in at most three significant digits: `4,520`, `12.3`, `.62`, `−.031`, `1.2e−5`. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'none';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : `${MINUS}∞`;
  const sign = value < 0 ? MINUS : '';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return sign + size.toLocaleString('en-GB');
  if (size < 0.0001 || size >= 1e9) return sign + scientific(size);
  if (size < 1) return sign + trimmed(fraction(size)).replace(/^0/, '');
  if (size < 100) return sign + trimmed(size.toPrecision(3));
  return sign + Math.round(size).toLocaleString('en-GB');
}

/** A headline number with what it is out of and its unit: `7 of 4,520`, `.62`, `83 %`. */
export function formatScore(score: Pick<Score, 'value' | 'out_of' | 'unit'>): string {
  const value = formatNumber(score.value);
  const whole = score.out_of == null ? value : `${value} of ${formatNumber(score.out_of)}`;
  return score.unit ? `${whole} ${score.unit}` : whole;
}

/** A number of an axis, in its unit. */
export function withUnit(value: number, unit: string): string {
  return unit ? `${formatNumber(value)} ${unit}` : formatNumber(value);
}

/** A span of time: `0.3 s`, `7.1 s`, `42 s`, `3 min 20 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 0.05) return 'under 0.1 s';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = Math.round((seconds - minutes * 60) / 10) * 10;
  if (minutes >= 10 || rest === 0) return `${Math.round(seconds / 60)} min`;
  return rest === 60 ? `${minutes + 1} min` : `${minutes} min ${rest} s`;
}

/** Two digits that count; more where the number is almost whole. */
function fraction(size: number): string {
  if (size >= 0.995) return size.toFixed(4);
  return size < 0.095 ? size.toPrecision(2) : size.toFixed(2);
}

function trimmed(digits: string): string {
  return digits.includes('.') ? digits.replace(/0+$/, '').replace(/\.$/, '') : digits;
}

function scientific(size: number): string {
  const [digits, power] = size.toExponential(1).split('e');
  return `${trimmed(digits ?? '')}e${(power ?? '').replace('+', '').replace('-', MINUS)}`;
}
