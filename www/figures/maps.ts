// Small multiples that keep their geometry: a 3×3 site is drawn 3×3.

import { nothing, svg } from 'lit';
import { colourOf } from '../colour';
import { formatNumber } from '../format';
import type { Body, Panel } from '../protocol';
import { codeWidth, type Drawing, type Frame, type Place } from './drawing';

type Maps = Extract<Body, { type: 'maps' }>;

const GAP = { x: 14, y: 10 };
const NAME_LINE = 13;
const HEADING = 19;
const LARGEST_CELL = 30;
const SMALLEST_CELL = 3;
/** More panels than this go without their names, which pointing at them tells. */
const MOST_NAMED = 24;

interface Layout {
  across: number;
  cell: number;
  boxWidth: number;
  boxHeight: number;
  nameLines: number;
}

/** A panel with its name as drawn under it, and where its cells stand in their site. */
interface Tile {
  panel: Panel;
  name: string;
  unitAt(cell: number): number | null;
}

export function drawMaps(body: Maps, frame: Frame): Drawing {
  const heading = sharedSite(body.panels);
  const tiles = tilesOf(body.panels, heading, frame);
  if (tiles.length === 0) return { height: 0, marks: svg``, places: [] };
  const layout = bestLayout(tiles, frame, heading ? HEADING : 0);
  const top = heading ? HEADING : 0;
  const places: Place[] = [];
  const marks = tiles.map((tile, index) => {
    const x = (index % layout.across) * (layout.boxWidth + GAP.x);
    const y = top + Math.floor(index / layout.across) * rowHeight(layout);
    places.push(...placesOf(tile, layout, x, y));
    return drawTile(tile, body, layout, frame, x, y);
  });
  const style = heading === frame.site ? 'tc-held' : 'tc';
  const down = Math.ceil(tiles.length / layout.across);
  return {
    height: top + down * rowHeight(layout) - GAP.y,
    marks: svg`${heading ? svg`<text class=${style} y="9">${heading}</text>` : nothing}${marks}`,
    places,
  };
}

/** The site that all panels are channels of, whose name then stands once above them. */
function sharedSite(panels: Panel[]): string | null {
  const site = panels[0]?.site;
  if (!site || panels.length < 2) return null;
  return panels.every((panel) => panel.site === site && panel.name.startsWith(`${site} `))
    ? site
    : null;
}

function tilesOf(panels: Panel[], heading: string | null, frame: Frame): Tile[] {
  const counts = new Map<string, number>();
  for (const { site, values } of panels) counts.set(site, (counts.get(site) ?? 0) + values.length);
  const seen = new Map<string, number>();
  return panels.map((panel) => {
    const { site, values } = panel;
    // The panels of a site hold its elements one by one when there are as many values as elements.
    const isWhole = counts.get(site) === frame.numElements(site);
    const first = seen.get(site) ?? 0;
    seen.set(site, first + values.length);
    const short = heading ? panel.name.slice(heading.length + 1) : panel.name;
    const name = panels.length > MOST_NAMED ? '' : short;
    return { panel, name, unitAt: (cell) => (isWhole ? first + cell : null) };
  });
}

/** A name in as many lines as fit, broken after its dots and spaces, never cut. */
function linesOf(name: string, width: number): string[] {
  const out: string[] = [];
  for (const part of name.split(/(?<=[. ])/)) {
    const last = out.at(-1);
    if (last !== undefined && codeWidth(last + part) <= width) out[out.length - 1] = last + part;
    else if (part !== '') out.push(part);
  }
  return out.map((line) => line.trimEnd());
}

function rowHeight({ boxHeight, nameLines }: Layout): number {
  return boxHeight + (nameLines > 0 ? nameLines * NAME_LINE + 4 : 0) + GAP.y;
}

function layoutOf(tiles: Tile[], width: number, height: number, across: number): Layout {
  const columns = Math.max(...tiles.map(({ panel }) => panel.columns), 1);
  const rows = Math.max(...tiles.map(({ panel }) => panel.rows), 1);
  const boxWidth = Math.floor((width - GAP.x * (across - 1)) / across);
  const nameLines = Math.max(...tiles.map(({ name }) => linesOf(name, boxWidth + 8).length));
  const down = Math.ceil(tiles.length / across);
  const layout = { across, cell: 0, boxWidth, boxHeight: 0, nameLines };
  const room = (height + GAP.y) / down - rowHeight(layout);
  const fits = Math.floor(Math.min(boxWidth / columns, room / rows));
  layout.cell = Math.max(SMALLEST_CELL, Math.min(LARGEST_CELL, fits));
  layout.boxHeight = layout.cell * rows;
  return layout;
}

/** The number of panels in a row that makes the cells largest, at few lines of name. */
function bestLayout(tiles: Tile[], { width, height }: Frame, heading: number): Layout {
  const columns = Math.max(...tiles.map(({ panel }) => panel.columns), 1);
  const least = Math.max(columns * SMALLEST_CELL, tiles.some(({ name }) => name) ? 24 : 0);
  const most = Math.min(tiles.length, Math.max(1, Math.floor((width + GAP.x) / (least + GAP.x))));
  const worth = ({ cell, nameLines }: Layout) => cell - 2 * nameLines;
  // As many rows with fewer panels in each is the better balanced of two.
  const balanced = (across: number) =>
    across === Math.ceil(tiles.length / Math.ceil(tiles.length / across));
  return Array.from({ length: most }, (_, index) => index + 1)
    .filter((across) => across === 1 || balanced(across))
    .map((across) => layoutOf(tiles, width, height - heading, across))
    .reduce((best, each) => (worth(each) >= worth(best) ? each : best));
}

function drawTile(
  tile: Tile,
  { colour }: Maps,
  layout: Layout,
  frame: Frame,
  x: number,
  y: number,
) {
  const { panel, name } = tile;
  const { cell, boxWidth } = layout;
  const size = cell > 5 ? cell - 1 : cell;
  const cells = panel.values.map((value, at) => {
    const left = x + (at % panel.columns) * cell;
    const top = y + Math.floor(at / panel.columns) * cell;
    if (value == null)
      return svg`<rect class="g-none" x=${left + 0.5} y=${top + 0.5} width=${size - 1} height=${size - 1}></rect>`;
    return svg`<rect x=${left} y=${top} width=${size} height=${size} fill=${colourOf(colour, value)}></rect>`;
  });
  const style = panel.site !== '' && panel.site === frame.site ? 'tc-held' : 'tc';
  const bottom = y + panel.rows * cell + 12;
  const lines = linesOf(name, boxWidth + 8).map(
    (line, at) => svg`<text class=${style} x=${x} y=${bottom + at * NAME_LINE}>${line}</text>`,
  );
  return svg`<g>${cells}${lines}</g>`;
}

function placesOf({ panel, unitAt }: Tile, { cell }: Layout, x: number, y: number): Place[] {
  return panel.values.map((value, at) => {
    const label = panel.labels[at];
    return {
      x: x + (at % panel.columns) * cell,
      y: y + Math.floor(at / panel.columns) * cell,
      width: cell,
      height: cell,
      text: `${panel.name}${label ? `, ${label}` : ''}: ${value == null ? 'none' : formatNumber(value)}`,
      unit: panel.site ? { site: panel.site, unit: unitAt(at) } : null,
    };
  });
}
