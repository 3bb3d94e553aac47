// Small multiples that keep their geometry: a 3×3 site is drawn 3×3.

import { nothing, svg } from 'lit';
import { colourOf } from '../colour';
import { formatNumber } from '../format';
import type { Body } from '../protocol';
import type { Drawing, Frame, Place } from './drawing';
import { bestLayout, cellOf, type Layout, linesOf, NAME_LINE, rowHeight } from './map_layout';
import { type Block, blocksOf, type Tile } from './map_tiles';

type Maps = Extract<Body, { type: 'maps' }>;

const HEADING = 19;
const BETWEEN = 12;
const LEAST_ROOM = 60;

export function drawMaps(body: Maps, frame: Frame): Drawing {
  const places: Place[] = [];
  const blocks = blocksOf(body.panels, frame.shapeOf);
  const share = (frame.height - (blocks.length - 1) * BETWEEN) / Math.max(1, blocks.length);
  const room = Math.max(LEAST_ROOM, share);
  let top = 0;
  const marks = blocks.map((block) => {
    const heading = block.heading === '' ? 0 : HEADING;
    const layout = bestLayout(block.tiles, frame.width, room - heading);
    const drawn = drawBlock(block, body, layout, frame, top);
    block.tiles.forEach((tile, index) => {
      places.push(...placesOf(tile, layout, ...cornerOf(layout, index, top + heading)));
    });
    const down = Math.ceil(block.tiles.length / layout.across);
    top += heading + down * rowHeight(layout) - layout.gapY + BETWEEN;
    return drawn;
  });
  return { height: Math.max(0, top - BETWEEN), marks: svg`${marks}`, places };
}

function cornerOf(layout: Layout, index: number, top: number): [x: number, y: number] {
  const column = index % layout.across;
  const row = Math.floor(index / layout.across);
  return [column * (layout.boxWidth + layout.gapX), top + row * rowHeight(layout)];
}

function styleOf(site: string, frame: Frame): string {
  return site !== '' && site === frame.site ? 'tc-held' : 'tc';
}

function drawBlock(block: Block, body: Maps, layout: Layout, frame: Frame, top: number) {
  const { heading, tiles } = block;
  const below = heading === '' ? top : top + HEADING;
  return svg`
    ${heading === '' ? nothing : svg`<text class=${styleOf(heading, frame)} y=${top + 9}>${heading}</text>`}
    ${tiles.map((tile, index) => drawTile(tile, body, layout, frame, cornerOf(layout, index, below)))}
  `;
}

function drawTile(
  { panel, name }: Tile,
  { colour }: Maps,
  layout: Layout,
  frame: Frame,
  [x, y]: [number, number],
) {
  const cell = cellOf(panel, layout);
  const size = cell > 5 ? cell - 1 : cell;
  const cells = panel.values.map((value, at) => {
    const left = x + (at % panel.columns) * cell;
    const top = y + Math.floor(at / panel.columns) * cell;
    if (value == null)
      return svg`<rect class="g-none" x=${left + 0.5} y=${top + 0.5} width=${size - 1} height=${size - 1}></rect>`;
    return svg`<rect x=${left} y=${top} width=${size} height=${size} fill=${colourOf(colour, value)}></rect>`;
  });
  const bottom = y + layout.boxHeight + 12;
  const lines = linesOf(name, layout.boxWidth).map(
    (line, at) =>
      svg`<text class=${styleOf(panel.site, frame)} x=${x} y=${bottom + at * NAME_LINE}>${line}</text>`,
  );
  return svg`<g>${cells}${lines}</g>`;
}

function placesOf({ panel, unitAt }: Tile, layout: Layout, x: number, y: number): Place[] {
  const cell = cellOf(panel, layout);
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
