// How the panels of a map are laid out: in rows of equal boxes, each panel as large as fits its box.

import type { Panel } from '../protocol';
import { codeWidth } from './drawing';
import type { Tile } from './map_tiles';

export const NAME_LINE = 13;
const LARGEST_CELL = 30;
const SMALLEST_CELL = 3;

export interface Layout {
  across: number;
  boxWidth: number;
  boxHeight: number;
  nameLines: number;
  gapX: number;
  gapY: number;
}

/** A name in as many lines as fit, broken after its dots, spaces and underscores, never cut. */
export function linesOf(name: string, width: number): string[] {
  const out: string[] = [];
  for (const part of name.split(/(?<=[. _])/)) {
    const last = out.at(-1);
    if (last !== undefined && codeWidth(last + part) <= width + 8)
      out[out.length - 1] = last + part;
    else if (part !== '') out.push(part);
  }
  return out.map((line) => line.trimEnd());
}

export function rowHeight({ boxHeight, nameLines, gapY }: Layout): number {
  return boxHeight + (nameLines > 0 ? nameLines * NAME_LINE + 4 : 0) + gapY;
}

/** Side of a panel's cells in its box. */
export function cellOf({ rows, columns }: Panel, { boxWidth, boxHeight }: Layout): number {
  const fits = Math.floor(Math.min(boxWidth / columns, boxHeight / rows));
  return Math.max(SMALLEST_CELL, Math.min(LARGEST_CELL, fits));
}

function layoutOf(tiles: Tile[], width: number, height: number, across: number): Layout {
  const named = tiles.some(({ name }) => name !== '');
  const [gapX, gapY] = named ? [14, 10] : [5, 5];
  const boxWidth = Math.floor((width - gapX * (across - 1)) / across);
  const nameLines = Math.max(0, ...tiles.map(({ name }) => linesOf(name, boxWidth).length));
  const layout = { across, boxWidth, boxHeight: 0, nameLines, gapX, gapY };
  const down = Math.ceil(tiles.length / across);
  const least = Math.max(...tiles.map(({ panel }) => panel.rows * SMALLEST_CELL));
  const room = Math.max(least, (height + gapY) / down - rowHeight(layout));
  // A box is no taller than what the tallest panel makes of it.
  const tallest = tiles.map(
    ({ panel }) => cellOf(panel, { ...layout, boxHeight: room }) * panel.rows,
  );
  return { ...layout, boxHeight: Math.max(...tallest) };
}

/** The number of panels in a row that makes the smallest cells largest, at few lines of name. */
export function bestLayout(tiles: Tile[], width: number, height: number): Layout {
  const widest = Math.max(...tiles.map(({ panel }) => panel.columns * SMALLEST_CELL));
  const named = tiles.some(({ name }) => name !== '');
  const least = Math.max(widest, named ? 24 : 0) + (named ? 14 : 5);
  const most = Math.min(tiles.length, Math.max(1, Math.floor((width + 5) / least)));
  const worth = (layout: Layout) => {
    const down = Math.ceil(tiles.length / layout.across);
    const excess = Math.max(0, down * rowHeight(layout) - height - 20);
    const smallest = Math.min(...tiles.map(({ panel }) => cellOf(panel, layout)));
    return smallest - 2 * layout.nameLines - excess / 20;
  };
  // As many rows with fewer panels in each is the better balanced of two.
  const isBalanced = (across: number) =>
    across === Math.ceil(tiles.length / Math.ceil(tiles.length / across));
  return Array.from({ length: most }, (_, index) => index + 1)
    .filter((across) => across === 1 || isBalanced(across))
    .map((across) => layoutOf(tiles, width, height, across))
    .reduce((best, each) => (worth(each) >= worth(best) ? each : best));
}
