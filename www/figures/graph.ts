// A graph in columns, from what comes in to what goes out; from top to bottom where columns lack room.

import { nothing, type SVGTemplateResult, svg } from 'lit';
import { colourOf } from '../colour';
import { formatNumber } from '../format';
import type { Body } from '../protocol';
import { codeWidth, type Drawing, type Frame, type Place } from './drawing';
import { orderOf, shortNames } from './graph_layout';
import { linesOf } from './map_layout';

type Graph = Extract<Body, { type: 'graph' }>;
type Edge = Graph['edges'][number];

const RADIUS = 4.5;
const NAME_LINE = 12;
/** Columns closer than this stand as rows, one under the other. */
const LEAST_PITCH = 72;
const NODE_ROW = 31;
const MOST_NODE_ROW = 46;
/** A row of nodes in a graph from top to bottom: name, label, node and the room for edges. */
const LAYER = 58;
/** The same where there is no more room. */
const LEAST_LAYER = 44;
/** What labels under every other node take. */
const BELOW = 12;
const THINNEST = 0.75;
const THICKEST = 5;

interface Spot {
  x: number;
  y: number;
}

interface Layout {
  height: number;
  /** Whether it goes from left to right. */
  across: boolean;
  spots: Spot[];
  /** Room for a node's label. */
  labelRoom: number;
  /** Pixels between neighbours of a column. */
  step: number;
  names: SVGTemplateResult[];
  /** Names of nodes, all in full or all in short. */
  labels: string[];
  /** Nodes whose labels stand under them, since their neighbours' take the room above. */
  under: Set<number>;
}

export function drawGraph(body: Graph, frame: Frame): Drawing {
  const { nodes, edges } = body;
  const order = orderOf(
    nodes.map(({ column }) => column),
    edges,
    body.columns.length,
  );
  const pitch = frame.width / Math.max(1, body.columns.length);
  const layout =
    pitch >= LEAST_PITCH ? leftToRight(body, order, frame) : topToBottom(body, order, frame);
  const drawn = edges.map((edge) => drawEdge(body, edge, layout));
  const places = nodes.map((node, index): Place => {
    const { x, y } = layout.spots[index] ?? { x: 0, y: 0 };
    const width = Math.max(12, Math.min(layout.across ? pitch : layout.step, 52));
    const height = layout.across ? layout.step : 34;
    const unit = node.site === '' ? null : { site: node.site, unit: node.unit ?? null };
    const top = layout.across ? y - height / 2 - 4 : y - 20;
    return { x: x - width / 2, y: top, width, height, text: describe(body, index), unit };
  });
  return {
    height: layout.height,
    marks: svg`<g class="g-rest">${[...drawn].reverse()}</g>${layout.names}
      ${nodes.map((_, index) => drawNode(body, index, layout, frame, false))}`,
    places,
    focus: (index) => {
      const own = edges.flatMap((edge, at) => (touches(edge, index) ? [{ edge, at }] : []));
      const near = new Set([index, ...own.flatMap(({ edge }) => [edge.from, edge.to])]);
      return svg`${own.map(({ at }) => drawn[at]).reverse()}
        ${[...near].map((node) => drawNode(body, node, layout, frame, true))}`;
    },
  };
}

function touches({ from, to }: Edge, node: number): boolean {
  return from === node || to === node;
}

/** Columns side by side, as wide as there is room. */
function leftToRight(body: Graph, order: number[][], frame: Frame): Layout {
  const { columns, nodes } = body;
  const pitch = frame.width / columns.length;
  const most = Math.max(1, ...order.map(({ length }) => length));
  const lines = columns.map((name) => linesOf(name, pitch - 8));
  const top = Math.max(...lines.map(({ length }) => length)) * NAME_LINE + 12;
  const step = Math.max(NODE_ROW, Math.min(MOST_NODE_ROW, (frame.height - top) / most));
  const middle = top + (most * step) / 2 + 4;
  const spots: Spot[] = nodes.map(() => ({ x: 0, y: 0 }));
  order.forEach((column, index) => {
    column.forEach((node, at) => {
      const y = middle + (at - (column.length - 1) / 2) * step;
      spots[node] = { x: (index + 0.5) * pitch, y };
    });
  });
  const names = lines.flatMap((each, index) =>
    each.map(
      (line, at) =>
        svg`<text class=${styleOf(columns[index] ?? '', frame)} text-anchor="middle" x=${(index + 0.5) * pitch} y=${9 + at * NAME_LINE}>${line}</text>`,
    ),
  );
  const height = Math.ceil(top + most * step + 6);
  return {
    height,
    across: true,
    spots,
    labelRoom: pitch - 10,
    step,
    names,
    labels: labelsOf(body, pitch - 10),
    under: new Set(),
  };
}

/** Columns as rows under each other, for a narrow drawing. */
function topToBottom(body: Graph, order: number[][], frame: Frame): Layout {
  const { columns, nodes } = body;
  const most = Math.max(1, ...order.map(({ length }) => length));
  const step = frame.width / most;
  const spots: Spot[] = nodes.map(() => ({ x: 0, y: 0 }));
  const close = labelsOf(body, step - 4);
  const staggered = close.some((label) => codeWidth(label) > step - 4);
  const below = staggered ? BELOW : 0;
  const room = ((frame.most ?? Number.POSITIVE_INFINITY) - below) / columns.length;
  const layer = Math.max(LEAST_LAYER, Math.min(LAYER, Math.floor(room))) + below / 2;
  const under = new Set<number>();
  order.forEach((row, index) => {
    row.forEach((node, at) => {
      const x = frame.width / 2 + (at - (row.length - 1) / 2) * step;
      spots[node] = { x, y: index * layer + 32 };
      if (staggered && at % 2 === 1) under.add(node);
    });
  });
  const names = columns.map((name, index) => {
    const y = index * layer;
    const line =
      index > 0 ? svg`<path class="grid" d=${`M0 ${y - 3}H${frame.width}`}></path>` : nothing;
    return svg`${line}<text class=${`${styleOf(name, frame)} g-halo`} x="0" y=${y + 8}>${name}</text>`;
  });
  const height = Math.ceil((columns.length - 1) * layer + 38 + below);
  const labelRoom = (staggered ? 2 : 1) * step - 4;
  const labels = staggered ? labelsOf(body, labelRoom) : close;
  return { height, across: false, spots, labelRoom, step, names, labels, under };
}

function labelsOf({ nodes, columns }: Graph, room: number): string[] {
  const names = nodes.map(({ name, column }) => shortNames(name, columns[column] ?? ''));
  const fit = names.every(([full = '']) => codeWidth(full) <= room);
  return names.map((each) => (fit ? each[0] : each.at(-1)) ?? '');
}

function styleOf(site: string, frame: Frame): string {
  if (site === frame.site) return 'tc-held';
  return frame.shapeOf(site).length > 0 ? 'tc' : 't2';
}

/** A curve from node to node; one that passes other columns bows, so as not to run through their nodes. */
function drawEdge({ nodes, colour }: Graph, edge: Edge, { across, spots, step }: Layout) {
  const from = spots[edge.from] ?? { x: 0, y: 0 };
  const to = spots[edge.to] ?? { x: 0, y: 0 };
  const span = (nodes[edge.to]?.column ?? 0) - (nodes[edge.from]?.column ?? 0);
  const bow = span > 1 ? step * 0.5 * ((edge.from + edge.to) % 2 === 0 ? 1 : -1) : 0;
  const share = Math.min(1, Math.abs(edge.weight) / (colour.limit || 1));
  const width = THINNEST + (THICKEST - THINNEST) * share;
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const d = across
    ? `M${round(from.x)} ${round(from.y)}C${round(from.x + dx * 0.45)} ${round(from.y + bow)} ${round(to.x - dx * 0.45)} ${round(to.y + bow)} ${round(to.x)} ${round(to.y)}`
    : `M${round(from.x)} ${round(from.y)}C${round(from.x + bow)} ${round(from.y + dy * 0.45)} ${round(to.x + bow)} ${round(to.y - dy * 0.45)} ${round(to.x)} ${round(to.y)}`;
  // The edge of its line keeps one apart that is as pale as the paper.
  return svg`<g fill="none" opacity=${edge.control ? 0.6 : 1}>
    <path d=${d} stroke="var(--line-strong)" stroke-opacity="0.55" stroke-width=${round(width + 0.8)} stroke-dasharray=${edge.control ? '3 3' : 'none'}></path>
    <path d=${d} stroke=${colourOf(colour, edge.weight)} stroke-width=${round(width)} stroke-dasharray=${edge.control ? '3 3' : 'none'}></path>
  </g>`;
}

function drawNode(
  { nodes, columns }: Graph,
  index: number,
  { spots, labelRoom, labels, under }: Layout,
  frame: Frame,
  always: boolean,
) {
  const node = nodes[index];
  const { x, y } = spots[index] ?? { x: 0, y: 0 };
  if (!node) return nothing;
  const name = labels[index] ?? '';
  // A node that is its whole column is named above already.
  const isNamed = node.name !== columns[node.column];
  const label = isNamed && (always || codeWidth(name) <= labelRoom) ? name : undefined;
  const held = node.site !== '' && node.site === frame.site;
  return svg`<circle class=${held ? 'g-node held' : 'g-node'} cx=${round(x)} cy=${round(y)} r=${RADIUS}></circle>
    ${
      label === undefined
        ? nothing
        : svg`<text class=${`${held ? 'tc-held' : 'tc'} g-halo`} text-anchor="middle" x=${round(x)} y=${round(under.has(index) ? y + RADIUS + 10 : y - RADIUS - 4)}>${label}</text>`
    }`;
}

/** A node with its strongest edges, for the line under the drawing. */
function describe({ nodes, edges }: Graph, index: number): string {
  const listed = (own: Edge[], other: (edge: Edge) => number) =>
    own
      .slice(0, 3)
      .map((edge) => `${nodes[other(edge)]?.name ?? ''} ${formatNumber(edge.weight)}`)
      .join(', ') + (own.length > 3 ? ` and ${own.length - 3} more` : '');
  const into = edges.filter(({ to }) => to === index);
  const out = edges.filter(({ from }) => from === index);
  const parts = [
    into.length > 0 ? `from ${listed(into, ({ from }) => from)}` : '',
    out.length > 0 ? `to ${listed(out, ({ to }) => to)}` : '',
  ].filter((part) => part !== '');
  const said = parts.length > 0 ? parts.join('; ') : 'no edges';
  return `${nodes[index]?.name ?? ''}: ${said}`;
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
