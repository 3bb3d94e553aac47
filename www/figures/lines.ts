// Curves over a shared horizontal axis, each labelled at its end.

import { dot, line, ruleY, text } from '@observablehq/plot';
import { render, svg } from 'lit';
import { formatNumber, withUnit } from '../format';
import type { Body, Scale, Series } from '../protocol';
import { spread, ticks } from './curve';
import { type Drawing, type Frame, type Place, textWidth } from './drawing';
import { columnLabels, columnName, type Label, labelRoom, plot, rowLabels, thin } from './plot';

type Lines = Extract<Body, { type: 'lines' }>;

const BELOW = 40;
/** Room above the frame for the name of the vertical axis. */
const TOP = 26;
const LABEL_LINE = 14;
const FEW_POINTS = 16;

/** Strokes by rank, so that curves differ in more than their shade. */
const STROKES = [
  { stroke: 'var(--series-1)', strokeWidth: 1.75, strokeDasharray: undefined },
  { stroke: 'var(--series-2)', strokeWidth: 1.75, strokeDasharray: undefined },
  { stroke: 'var(--series-1)', strokeWidth: 1.25, strokeDasharray: '5 3' },
  { stroke: 'var(--series-2)', strokeWidth: 1.25, strokeDasharray: '5 3' },
  { stroke: 'var(--series-1)', strokeWidth: 1.25, strokeDasharray: '1 3' },
];
const CONTROL = { stroke: 'var(--line-strong)', strokeWidth: 1.25, strokeDasharray: '2 3' };

function strokeOf(series: Series[], index: number) {
  if (series[index]?.control) return CONTROL;
  const rank = series.slice(0, index).filter((each) => !each.control).length;
  return STROKES[rank % STROKES.length] ?? CONTROL;
}

function domainOf(scale: Scale, values: number[]): [number, number] {
  if (scale.domain) return scale.domain;
  const finite = values.filter(Number.isFinite);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  if (finite.length === 0) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** A domain whose ends are round. */
function rounded([low, high]: [number, number], count: number): [number, number] {
  const marks = ticks([low, high], count);
  const step = (marks[1] ?? high) - (marks[0] ?? low);
  if (!(step > 0)) return [low, high];
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
}

function valueAt(points: [number, number][], x: number): number | undefined {
  return points.find((point) => point[0] === x)?.[1];
}

export function drawLines(body: Lines, frame: Frame): Drawing {
  const { x, y, series } = body;
  const points = series.flatMap((each) => each.points);
  const xs = [...new Set(points.map(([at]) => at))].sort((a, b) => a - b);
  const xDomain =
    x.labels.length > 0 ? ([0, x.labels.length - 1] as [number, number]) : domainOf(x, xs);
  const yValues = points.map(([, value]) => value);
  const yDomain = y.domain ?? rounded(domainOf(y, yValues), 4);
  const rows = ticks(yDomain, 4).map((at): Label => ({ at, text: formatNumber(at) }));

  const widest = Math.max(0, ...series.map((each) => textWidth(each.name, 560)));
  const beside = series.length > 1 && widest < frame.width * 0.34;
  const marginTop = TOP + (beside || series.length < 2 ? 0 : series.length * LABEL_LINE);
  const marginLeft = labelRoom(rows);
  const marginRight = beside ? Math.ceil(widest) + 12 : 8;
  const inner = frame.width - marginLeft - marginRight;
  const height = frame.height + marginTop - TOP;
  const columns =
    x.labels.length > 0
      ? thin(
          x.labels.map((label, at) => ({ at, text: label })),
          inner / Math.max(1, x.labels.length - 1),
        )
      : ticks(xDomain, Math.max(2, Math.floor(inner / 40))).map((at) => ({
          at,
          text: formatNumber(at),
        }));

  const plotted = plot({
    width: frame.width,
    height,
    marginLeft,
    marginRight,
    marginTop,
    marginBottom: BELOW,
    x: { type: 'linear', domain: xDomain, axis: null },
    y: { type: 'linear', domain: yDomain, axis: null },
    marks: [
      ruleY(rows, { y: 'at', stroke: 'var(--line)' }),
      ...series
        .flatMap((each, index) => {
          const stroke = strokeOf(series, index);
          const curve = line(each.points, { ...stroke, strokeLinejoin: 'round', clip: true });
          if (each.points.length > FEW_POINTS) return [curve];
          return [curve, dot(each.points, { r: 2.25, fill: stroke.stroke })];
        })
        .reverse(),
      text([y.unit ? `${y.name}, ${y.unit}` : y.name], {
        frameAnchor: 'top-left',
        dx: -marginLeft,
        dy: -18,
        textAnchor: 'start',
        className: 't',
      }),
      rowLabels(rows),
      columnLabels(columns),
      columnName(x),
    ],
  });
  label(plotted.node, body, { beside, width: frame.width, marginRight, yOf: plotted.y, height });
  return {
    height,
    marks: plotted.node,
    places: placesOf(body, xs, plotted.x, [marginTop, height - BELOW]),
  };
}

interface Labelling {
  beside: boolean;
  width: number;
  marginRight: number;
  height: number;
  yOf(value: number): number;
}

/** Writes each curve's name: at its end, or above the drawing where that leaves no room. */
function label(node: SVGElement, { series }: Lines, options: Labelling): void {
  if (series.length < 2) return;
  const { beside, width, marginRight, height, yOf } = options;
  const ends = series.map((each) => yOf(each.points.at(-1)?.[1] ?? 0));
  const middles = spread(ends, LABEL_LINE, TOP, height - BELOW - 2);
  const layer = document.createElementNS('http://www.w3.org/2000/svg', 'g');
  layer.setAttribute('text-anchor', 'start');
  const marks = series.map((each, index) => {
    const weight = index === 0 ? 'tb' : 't';
    if (beside)
      return svg`<text class=${weight} x=${width - marginRight + 8} y=${(middles[index] ?? 0) + 4}>${each.name}</text>`;
    const at = index * LABEL_LINE + 6;
    const { stroke, strokeDasharray } = strokeOf(series, index);
    return svg`<path d=${`M0 ${at}h18`} stroke=${stroke} stroke-width="1.75" stroke-dasharray=${strokeDasharray ?? 'none'}></path>
      <text class=${weight} x="24" y=${at + 4}>${each.name}</text>`;
  });
  render(svg`${marks}`, layer as unknown as HTMLElement);
  node.append(layer);
}

/** One place an x, as wide as reaches half way to its neighbours; it names all curves there. */
function placesOf(
  { x, series }: Lines,
  xs: number[],
  xOf: (value: number) => number,
  [top, bottom]: [number, number],
): Place[] {
  const pixels = xs.map(xOf);
  return xs.map((at, index) => {
    const here = pixels[index] ?? 0;
    const left = index > 0 ? (here + (pixels[index - 1] ?? here)) / 2 : here - 4;
    const right = index < xs.length - 1 ? (here + (pixels[index + 1] ?? here)) / 2 : here + 4;
    const values = series.flatMap((each) => {
      const value = valueAt(each.points, at);
      return value === undefined ? [] : [`${each.name} ${formatNumber(value)}`];
    });
    const name = x.labels[at] ?? `at ${withUnit(at, x.unit)}`;
    const text = `${name}: ${values.join(', ')}`;
    return { x: left, y: top, width: right - left, height: bottom - top, text, unit: null };
  });
}
