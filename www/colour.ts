// Colour scales over the tokens' stops: as CSS for SVG and HTML, which follows the theme by itself,
// and as numbers for a canvas, which must be drawn again when `onTheme` says so.

import type { Colour } from './protocol';

/** Tokens of the signed scale, lowest first; zero is paper. */
const DIVERGING = ['m5', 'm4', 'm3', 'm2', 'm1', '0', 'p1', 'p2', 'p3', 'p4', 'p5'].map(
  (stop) => `--d-${stop}`,
);
/** Tokens of the magnitude scale, zero first. */
const SEQUENTIAL = Array.from({ length: 11 }, (_, stop) => `--q-${stop}`);

const INTERVALS = SEQUENTIAL.length - 1;

export type Rgb = [number, number, number];

/** Where on its scale a value lies, from 0 to 1; zero is the middle of a diverging scale. */
export function place(kind: Colour['kind'], value: number, limit: number): number {
  if (!(limit > 0)) return kind === 'diverging' ? 0.5 : 0;
  const share = value / limit;
  const at = kind === 'diverging' ? (share + 1) / 2 : share;
  return Math.min(1, Math.max(0, Number.isNaN(at) ? 0 : at));
}

function stopsOf(kind: Colour['kind']): string[] {
  return kind === 'diverging' ? DIVERGING : SEQUENTIAL;
}

/** The two neighbouring stops of a place and how far it is from the first to the second. */
function between(stops: string[], at: number): { from: string; to: string; share: number } {
  const index = Math.min(INTERVALS - 1, Math.floor(at * INTERVALS));
  return {
    from: stops[index] ?? '',
    to: stops[index + 1] ?? '',
    share: at * INTERVALS - index,
  };
}

function css(kind: Colour['kind'], at: number): string {
  const { from, to, share } = between(stopsOf(kind), at);
  const percent = Math.round(share * 100);
  if (percent === 0) return `var(${from})`;
  if (percent === 100) return `var(${to})`;
  return `color-mix(in srgb, var(${to}) ${percent}%, var(${from}))`;
}

/** CSS colour of a signed value: blue below zero, paper at zero, orange above. */
export function diverging(value: number, limit: number): string {
  return css('diverging', place('diverging', value, limit));
}

/** CSS colour of a magnitude: paper at zero, then viridis order up to `limit`. */
export function sequential(value: number, limit: number): string {
  return css('sequential', place('sequential', value, limit));
}

/** CSS colour of a value on a figure's own scale; nothing where there is no value. */
export function colourOf(colour: Colour, value: number | null | undefined): string {
  if (value == null || Number.isNaN(value)) return 'none';
  return css(colour.kind, place(colour.kind, value, colour.limit));
}

/** `steps` CSS colours along a scale, for its legend. */
export function ramp(kind: Colour['kind'], steps: number): string[] {
  return Array.from({ length: steps }, (_, step) => css(kind, step / (steps - 1)));
}

/** A scale as numbers for a canvas, in the theme of the moment. */
export function painter(kind: Colour['kind']): (value: number, limit: number) => Rgb {
  const style = getComputedStyle(document.documentElement);
  const stops = stopsOf(kind).map((name) => parseHex(style.getPropertyValue(name)));
  return (value, limit) => mix(stops, place(kind, value, limit));
}

/** Linear interpolation over evenly spaced stops; `at` from 0 to 1. */
export function mix(stops: Rgb[], at: number): Rgb {
  const last = stops.length - 1;
  const index = Math.min(last - 1, Math.floor(at * last));
  const from = stops[index] ?? [0, 0, 0];
  const to = stops[index + 1] ?? from;
  const share = at * last - index;
  return [0, 1, 2].map((channel) =>
    Math.round((from[channel] ?? 0) * (1 - share) + (to[channel] ?? 0) * share),
  ) as Rgb;
}

/** `#rrggbb` or `#rgb` as three bytes; black for anything else. */
export function parseHex(text: string): Rgb {
  const digits = text.trim().replace('#', '');
  const long = digits.length === 3 ? [...digits].map((digit) => digit + digit).join('') : digits;
  const number = Number.parseInt(long, 16);
  if (long.length !== 6 || Number.isNaN(number)) return [0, 0, 0];
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/** Calls `redraw` whenever the page turns light or dark; the answer stops it. */
export function onTheme(redraw: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const observer = new MutationObserver(redraw);
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  system.addEventListener('change', redraw);
  return () => {
    observer.disconnect();
    system.removeEventListener('change', redraw);
  };
}
