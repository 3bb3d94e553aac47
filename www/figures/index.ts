// One drawing a kind of figure. Those made with Observable Plot are loaded when first needed.

import { svg } from 'lit';
import type { Body } from '../protocol';
import { drawBoard } from './board';
import type { Drawing, Frame } from './drawing';
import { drawGraph } from './graph';
import { drawMaps } from './maps';
import { drawTree } from './tree';

/** Bodies that are drawn; a table is laid out as HTML instead. */
export type Drawn = Exclude<Body, { type: 'table' }>;

let plots: typeof import('./plots') | null = null;

/** Fetches the code of every drawing. */
export async function loadDrawings(): Promise<void> {
  plots = await import('./plots');
}

const HEIGHT_WHILE_LOADING = 180;

/** Draws a body; where its code has yet to come, an empty drawing, and `ready` is called later. */
export function draw(body: Drawn, frame: Frame, ready: () => void): Drawing {
  if (body.type === 'maps') return drawMaps(body, frame);
  if (body.type === 'board') return drawBoard(body, frame);
  if (body.type === 'graph') return drawGraph(body, frame);
  if (body.type === 'tree') return drawTree(body, frame);
  if (!plots) {
    loadDrawings().then(ready);
    return { height: HEIGHT_WHILE_LOADING, marks: svg``, places: [] };
  }
  switch (body.type) {
    case 'heatmap':
      return plots.drawHeatmap(body, frame);
    case 'lines':
      return plots.drawLines(body, frame);
    case 'bars':
      return plots.drawBars(body, frame);
  }
}
