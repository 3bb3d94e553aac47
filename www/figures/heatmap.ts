// A matrix of cells, rows from the top.

import { cell, text } from '@observablehq/plot';
import { colourOf } from '../colour';
import { formatNumber, withUnit } from '../format';
import type { Body, Scale } from '../protocol';
import type { Drawing, Frame, Place } from './drawing';
import { columnLabels, columnName, type Label, labelRoom, plot, rowLabels, thin } from './plot';

type Heatmap = Extract<Body, { type: 'heatmap' }>;

const BELOW = 40;
const TALLEST_CELL = 24;
const LOWEST_CELL = 4;
const LOWEST_NAMED = 12;
const LARGEST_SQUARE = 30;
const SMALLEST_SQUARE = 6;

/** Rows and columns: named places are counted, and a numeric axis takes what is left. */
function sizeOf({ rows, columns, values }: Heatmap): [number, number] {
  const across = columns.labels.length || values.length / (rows.labels.length || 1);
  const down = rows.labels.length || Math.ceil(values.length / Math.max(1, across));
  return [down, Math.floor(across)];
}

/** Names of an axis' places; numbers spread evenly over a numeric domain. */
function namesOf(scale: Scale, count: number): string[] {
  if (scale.labels.length > 0) return scale.labels;
  const [low, high] = scale.domain ?? [0, count - 1];
  return Array.from({ length: count }, (_, index) =>
    formatNumber(low + ((high - low) * index) / Math.max(1, count - 1)),
  );
}

/** Whether rows and columns are those of a grid of cells, whose geometry is kept. */
export function isGrid({ rows, columns }: Heatmap): boolean {
  const counts = ({ labels }: Scale) => labels.every((label, at) => label === String(at + 1));
  const named = rows.name === 'row' && columns.name === 'column';
  return named && rows.labels.length > 0 && counts(rows) && counts(columns);
}

/** Whether each row has a name of its own, which must not be left out as one of many numbers may. */
function areNamed({ labels }: Scale): boolean {
  return labels.some((label) => Number.isNaN(Number(label)));
}

/** Width and height of a cell in the room that there is: a square on a grid, else as wide as fits. */
export function cellSize(
  isSquare: boolean,
  [down, across]: [number, number],
  [width, height]: [number, number],
  lowest = LOWEST_CELL,
): [width: number, height: number] {
  const wide = width / Math.max(1, across);
  const high = height / Math.max(1, down);
  if (!isSquare) return [wide, Math.min(TALLEST_CELL, Math.max(lowest, high))];
  const fits = Math.floor(Math.min(wide, Math.max(SMALLEST_SQUARE, high), LARGEST_SQUARE));
  return [Math.max(1, fits), Math.max(1, fits)];
}

export function drawHeatmap(body: Heatmap, frame: Frame): Drawing {
  const [down, across] = sizeOf(body);
  const rowNames = namesOf(body.rows, down);
  const columnNames = namesOf(body.columns, across);
  const rows = rowNames.map((name, at): Label => {
    const isSite = frame.shapeOf(name).length > 0;
    return { at, text: name, style: name === frame.site ? 'tc-held' : isSite ? 'tc' : 't' };
  });
  const marginLeft = labelRoom(rows);
  const square = isGrid(body);
  const lowest = areNamed(body.rows) ? LOWEST_NAMED : LOWEST_CELL;
  const room: [number, number] = [frame.width - marginLeft, frame.height - BELOW];
  const [cellWidth, cellHeight] = cellSize(square, [down, across], room, lowest);
  const height = Math.round(down * cellHeight) + BELOW;
  const inset = Math.min(cellWidth, cellHeight) > 5 ? 0.5 : 0;
  const cells = body.values.map((value, index) => ({
    row: Math.floor(index / across),
    column: index % across,
    value,
  }));
  const columns = columnNames.map((name, at): Label => ({ at, text: name }));
  const missing = square ? [] : cells.filter(({ value }) => value == null);
  const plotted = plot({
    width: marginLeft + across * cellWidth,
    height,
    marginLeft,
    marginRight: 0,
    marginTop: 0,
    marginBottom: BELOW,
    x: { type: 'band', domain: columnNames.map((_, at) => at), padding: 0, axis: null },
    y: { type: 'band', domain: rowNames.map((_, at) => at), padding: 0, axis: null },
    color: { type: 'identity' },
    marks: [
      cell(cells, {
        x: 'column',
        y: 'row',
        fill: (each: { value: number | null }) => colourOf(body.colour, each.value),
        inset,
      }),
      text(missing, { x: 'column', y: 'row', text: () => '–', className: 't' }),
      rowLabels(thinRows(rows, cellHeight)),
      columnLabels(thin(columns, cellWidth), { step: cellWidth, count: across }),
      columnName(body.columns),
    ],
  });
  const places = cells.map(({ row, column, value }): Place => {
    const rowName = square ? `row ${rowNames[row]}` : rowNames[row];
    const at = `${rowName}, ${body.columns.name} ${columnNames[column]}`;
    const unit =
      frame.shapeOf(rowNames[row] ?? '').length > 0
        ? { site: rowNames[row] ?? '', unit: null }
        : null;
    return {
      x: plotted.x(column),
      y: plotted.y(row),
      width: cellWidth,
      height: cellHeight,
      text: `${at}: ${value == null ? 'none' : withUnit(value, '')}`,
      unit,
    };
  });
  return { height, marks: plotted.node, places };
}

function thinRows(rows: Label[], cellHeight: number): Label[] {
  const every = Math.max(1, Math.ceil(LOWEST_NAMED / cellHeight));
  return rows.filter((_, index) => index % every === 0);
}
