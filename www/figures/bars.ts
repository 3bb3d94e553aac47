// Horizontal bars, each with its control as a lighter mark on the same row.

import { barX, ruleX, text, tickX } from '@observablehq/plot';
import { formatNumber, withUnit } from '../format';
import type { Bar, Body } from '../protocol';
import { ticks } from './curve';
import { type Drawing, type Frame, type Place, textWidth } from './drawing';
import {
  columnLabels,
  columnName,
  type Label,
  labelRoom,
  labelsAbove,
  plot,
  rowLabels,
} from './plot';

type Bars = Extract<Body, { type: 'bars' }>;

const BELOW = 40;
const ROW = 24;
const LOWEST_ROW = 13;
const NAME_LINE = 13;
/** The share of the width that names beside the bars may take. */
const MOST_BESIDE = 0.5;

function domainOf({ x, bars }: Bars): [number, number] {
  if (x.domain) return x.domain;
  const values = bars.map((bar) => bar.value);
  const controls = bars.flatMap((bar) => (bar.control == null ? [] : [bar.control]));
  const low = Math.min(0, ...values, ...controls);
  const high = Math.max(0, ...values, ...controls);
  return low === high ? [low, low + 1] : [low, high];
}

/** Signed values are blue and orange, as everywhere; magnitudes have one colour. */
function fillOf(bar: Bar, [low]: [number, number]): string {
  if (low >= 0) return 'var(--q-6)';
  return bar.value < 0 ? 'var(--d-m4)' : 'var(--d-p4)';
}

function describe({ x }: Bars, bar: Bar): string {
  const control = bar.control == null ? '' : `, control ${formatNumber(bar.control)}`;
  return `${bar.name}: ${withUnit(bar.value, x.unit)}${control}`;
}

export function drawBars(body: Bars, frame: Frame): Drawing {
  const { bars } = body;
  const domain = domainOf(body);
  const rows = bars.map((bar, at): Label => {
    const isSite = bar.site !== '' && bar.name.startsWith(bar.site);
    const held = isSite && bar.site === frame.site;
    return { at, text: bar.name, style: held ? 'tc-held' : isSite ? 'tc' : 't' };
  });
  const values = bars.map((bar) => formatNumber(bar.value));
  // Names too long to stand beside their bars stand above them.
  const above = labelRoom(rows) > frame.width * MOST_BESIDE;
  const room = (frame.height - BELOW) / Math.max(1, bars.length);
  const name = above ? NAME_LINE : 0;
  const row = Math.min(ROW, Math.max(LOWEST_ROW, room - name)) + name;
  const height = Math.round(bars.length * row) + BELOW;
  const insetTop = name + 3;
  const marginLeft = above ? 5 : labelRoom(rows);
  const marginRight = Math.ceil(Math.max(0, ...values.map((value) => textWidth(value, 560)))) + 10;
  const inner = frame.width - marginLeft - marginRight;
  const columns = ticks(domain, Math.max(2, Math.floor(inner / 56)));
  const controls = bars.flatMap(({ control }, at) => (control == null ? [] : [{ at, control }]));
  // Beside the bars alone: names that stand above them are not crossed.
  const rules = (places: number[], stroke: string) =>
    ruleX(
      places.flatMap((x) => bars.map((_, y) => ({ x, y }))),
      { x: 'x', y: 'y', insetTop: name, stroke },
    );
  const plotted = plot({
    width: frame.width,
    height,
    marginLeft,
    marginRight,
    marginTop: 0,
    marginBottom: BELOW,
    x: { type: 'linear', domain, axis: null, clamp: true },
    y: { type: 'band', domain: bars.map((_, at) => at), padding: 0, axis: null },
    marks: [
      rules(columns, 'var(--line)'),
      barX(bars, {
        x: 'value',
        y: (_: Bar, at: number) => at,
        fill: (bar: Bar) => fillOf(bar, domain),
        insetTop,
        insetBottom: 3,
      }),
      tickX(controls, {
        x: 'control',
        y: 'at',
        insetTop: insetTop - 2,
        insetBottom: 1,
        stroke: 'var(--ink)',
        strokeWidth: 1.5,
      }),
      rules([0], 'var(--line-strong)'),
      text(bars, {
        y: (_: Bar, at: number) => at,
        text: (_: Bar, at: number) => values[at] ?? '',
        frameAnchor: 'right',
        textAnchor: 'start',
        dx: 8,
        dy: name / 2,
        className: 'tb',
      }),
      ...(above ? labelsAbove(rows, -row / 2 + 7) : rowLabels(rows)),
      columnLabels(columns.map((at) => ({ at, text: formatNumber(at) }))),
      columnName(body.x),
    ],
  });
  const places = bars.map((bar, at): Place => {
    const unit = bar.site ? { site: bar.site, unit: bar.unit ?? null } : null;
    const y = at * row;
    return { x: 0, y, width: frame.width, height: row, text: describe(body, bar), unit };
  });
  return { height, marks: plotted.node, places };
}
