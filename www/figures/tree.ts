// A tree of choices: from left to right where its labels have room, else a list that is indented.

import { nothing, type SVGTemplateResult, svg } from 'lit';
import { colourOf } from '../colour';
import { formatNumber } from '../format';
import type { Body } from '../protocol';
import { type Drawing, type Frame, type Place, textWidth } from './drawing';
import { type Branch, lineTo, rowsOf, type Shown, shownOf } from './tree_layout';

type Tree = Extract<Body, { type: 'tree' }>;

const MOST = 60;
const ROW = 18;
const LARGEST = 8;
const SMALLEST = 2.5;
/** Room for the bends between one level and the next. */
const BEND = 34;
const LONGEST_BEND = 110;
const INDENT = 15;
const HEAD = 18;
const COLUMN = 50;
/** A list wider than this parts its names from their numbers. */
const WIDEST_LIST = 440;

interface Spot {
  x: number;
  y: number;
}

export function drawTree(body: Tree, frame: Frame): Drawing {
  const shown = shownOf(body.nodes, MOST);
  const labels = shown.map((each) => labelOf(body.nodes, each));
  const widths = shown.map(({ depth }, at) => ({ depth, width: textWidth(labels[at] ?? '', 560) }));
  const levels = 1 + Math.max(0, ...shown.map(({ depth }) => depth));
  const widest = Array.from({ length: levels }, (_, level) =>
    Math.max(0, ...widths.map(({ depth, width }) => (depth === level ? width : 0))),
  );
  const needed = widest.reduce((sum, width) => sum + width + 2 * LARGEST + 4, 0);
  const room = frame.width - needed - (levels - 1) * BEND;
  return room >= 0
    ? leftToRight(body, shown, labels, widest, Math.min(LONGEST_BEND, BEND + room / levels))
    : indented(body, shown, Math.min(frame.width, WIDEST_LIST));
}

function labelOf(nodes: Branch[], { node, folded }: Shown): string {
  const { name = '', visits = 0 } = nodes[node] ?? {};
  return `${name}  ${formatNumber(visits)}${moreOf(folded)}`;
}

function moreOf(folded: number): string {
  return folded > 0 ? `  +${formatNumber(folded)} more` : '';
}

/** Levels side by side, each as wide as its longest label. */
function leftToRight(
  body: Tree,
  shown: Shown[],
  labels: string[],
  widest: number[],
  bend: number,
): Drawing {
  const { nodes } = body;
  const rows = rowsOf(shown);
  const starts = widest.map((_, level) =>
    widest
      .slice(0, level)
      .reduce((sum, width) => sum + width + 2 * LARGEST + 4 + bend, LARGEST + 1),
  );
  const spots = shown.map(
    ({ depth }, at): Spot => ({ x: starts[depth] ?? 0, y: (rows[at] ?? 0) * ROW + ROW / 2 + 2 }),
  );
  const edges = shown.map((each, at) => {
    if (each.parent < 0) return nothing;
    const from = spots[each.parent] ?? { x: 0, y: 0 };
    const to = spots[at] ?? { x: 0, y: 0 };
    const start = from.x + LARGEST + 10 + textWidth(labels[each.parent] ?? '', 560);
    const end = to.x - radiusOf(nodes, each.node);
    const middle = (start + end) / 2;
    const d = `M${start} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${end} ${to.y}`;
    return svg`<path class=${edgeClass(nodes, each)} d=${d}></path>`;
  });
  const marks = shown.map((each, at) => {
    const { x, y } = spots[at] ?? { x: 0, y: 0 };
    const node = nodes[each.node];
    return svg`${disc(body, each.node, x, y)}
      <text class=${node?.chosen ? 'tb' : 't2'} x=${x + LARGEST + 5} y=${y + 4}>${node?.name}<tspan
        class="t" dx="5">${formatNumber(node?.visits ?? 0)}${moreOf(each.folded)}</tspan></text>`;
  });
  const places = shown.map((each, at): Place => {
    const { x, y } = spots[at] ?? { x: 0, y: 0 };
    const width = LARGEST * 2 + 6 + textWidth(labels[at] ?? '', 560);
    return placeOf(body, each, { x: x - LARGEST, y: y - ROW / 2, width, height: ROW });
  });
  const height = Math.max(0, ...spots.map(({ y }) => y)) + ROW / 2 + 2;
  return { height, marks: svg`${edges}${marks}`, places };
}

/** One row a node, with its numbers in columns on the right. */
function indented(body: Tree, shown: Shown[], width: number): Drawing {
  const { nodes, colour } = body;
  const columns = columnsOf(body, width);
  const deepest = Math.max(1, ...shown.map(({ depth }) => depth));
  const widest = Math.max(...shown.map((each) => textWidth(nodes[each.node]?.name ?? '', 560)));
  const left = width - columns.length * COLUMN - widest - LARGEST - 8;
  const indent = Math.max(4, Math.min(INDENT, (left - LARGEST) / deepest));
  const spots = shown.map(
    ({ depth }, at): Spot => ({ x: LARGEST + 1 + depth * indent, y: HEAD + at * ROW + ROW / 2 }),
  );
  const edges = shown.map((each, at) => {
    if (each.parent < 0) return nothing;
    const from = spots[each.parent] ?? { x: 0, y: 0 };
    const to = spots[at] ?? { x: 0, y: 0 };
    return svg`<path class=${edgeClass(nodes, each)} d=${`M${from.x} ${from.y}V${to.y}H${to.x}`}></path>`;
  });
  const head = columns.map(
    ({ name }, at) =>
      svg`<text class="t" text-anchor="end" x=${columnEnd(width, columns.length, at)} y="11">${name}</text>`,
  );
  const marks = shown.map((each, at) => {
    const { x, y } = spots[at] ?? { x: 0, y: 0 };
    const node = nodes[each.node];
    const style = node?.chosen ? 'tb' : 't2';
    return svg`${disc(body, each.node, x, y)}
      <text class=${style} x=${x + LARGEST + 5} y=${y + 4}>${node?.name}<tspan class="t" dx="5">${moreOf(each.folded)}</tspan></text>
      ${columns.map(({ read }, column) => {
        const value = node && read(node);
        return value == null
          ? nothing
          : svg`<text class=${style} text-anchor="end" x=${columnEnd(width, columns.length, column)} y=${y + 4}>${formatNumber(value)}</text>`;
      })}`;
  });
  const places = shown.map((each, at) =>
    placeOf(body, each, { x: 0, y: HEAD + at * ROW, width: width, height: ROW }),
  );
  return {
    height: HEAD + shown.length * ROW + 2,
    marks: svg`<g aria-label=${colour.name}>${head}</g>${edges}${marks}`,
    places,
  };
}

interface Column {
  name: string;
  read(node: Branch): number | null | undefined;
}

/** The numbers that a list shows beside its names: those that any node has. */
function columnsOf({ nodes }: Tree, width: number): Column[] {
  const all: Column[] = [
    { name: 'prior', read: ({ prior }) => prior },
    { name: 'visits', read: ({ visits }) => visits },
    { name: 'value', read: ({ value }) => value },
  ];
  const some = all.filter(({ read }) => nodes.some((node) => read(node) != null));
  return width < 300 ? some.slice(-2) : some;
}

function columnEnd(width: number, count: number, at: number): number {
  return width - (count - 1 - at) * COLUMN;
}

/** Area goes with visits. */
function radiusOf(nodes: Branch[], index: number): number {
  const most = Math.max(1, nodes[0]?.visits ?? 0);
  return Math.max(SMALLEST, LARGEST * Math.sqrt((nodes[index]?.visits ?? 0) / most));
}

function disc({ nodes, colour }: Tree, index: number, x: number, y: number): SVGTemplateResult {
  const node = nodes[index];
  const stroke = node?.chosen ? 'var(--ink)' : 'var(--line-strong)';
  const fill = node?.value == null ? 'var(--surface)' : colourOf(colour, node.value);
  return svg`<circle cx=${x} cy=${y} r=${Math.min(LARGEST, radiusOf(nodes, index))} fill=${fill} stroke=${stroke} stroke-width=${node?.chosen ? 1.5 : 1}></circle>`;
}

function edgeClass(nodes: Branch[], { node }: Shown): string {
  return nodes[node]?.chosen ? 'g-branch chosen' : 'g-branch';
}

function placeOf(
  { nodes, colour }: Tree,
  { node, folded }: Shown,
  box: Pick<Place, 'x' | 'y' | 'width' | 'height'>,
): Place {
  const line = lineTo(nodes, node);
  const { visits = 0, value, prior } = nodes[node] ?? {};
  const parts = [
    `${formatNumber(visits)} visits`,
    ...(value == null ? [] : [`${colour.name} ${formatNumber(value)}`]),
    ...(prior == null ? [] : [`prior ${formatNumber(prior)}`]),
    ...(folded > 0 ? [`${formatNumber(folded)} more below it are not shown`] : []),
  ];
  return { ...box, text: `${line}: ${parts.join(', ')}`, unit: null };
}
