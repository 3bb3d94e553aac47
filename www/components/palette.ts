// The colours of a scale as a table, made once a theme: a canvas of thousands of squares needs them
// several times a second.

import { onTheme, painter, place } from '../colour';
import type { Colour } from '../protocol';

const STEPS = 255;

const tables = new Map<Colour['kind'], string[]>();

// Before any canvas listens, so that it is drawn again in the new colours.
onTheme(() => tables.clear());

/** The colour of a value, for a canvas. */
export function tableColour(kind: Colour['kind'], value: number, limit: number): string {
  return table(kind)[Math.round(place(kind, value, limit) * STEPS)] ?? '';
}

function table(kind: Colour['kind']): string[] {
  let colours = tables.get(kind);
  if (!colours) {
    const colour = painter(kind);
    const value = (step: number) => (kind === 'diverging' ? (2 * step) / STEPS - 1 : step / STEPS);
    colours = Array.from(
      { length: STEPS + 1 },
      (_, step) => `rgb(${colour(value(step), 1).join(' ')})`,
    );
    tables.set(kind, colours);
  }
  return colours;
}
