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

export function drawHeatmap(body: Heatmap, frame: Frame): Drawing {
  const [down, across] = sizeOf(body);
  const rowNames = namesOf(body.rows, down);
  const columnNames = namesOf(body.columns, across);
  const rows = rowNames.map((name, at): Label => {
    const isSite = frame.shapeOf(name).length > 0;
    return { at, text: name, style: name === frame.site ? 'tc-held' : isSite ? 'tc' : 't' };
  });
  const marginLeft = labelRoom(rows);
  const cellWidth = (frame.width - marginLeft) / Math.max(1, across);
  const cellHeight = Math.min(
    TALLEST_CELL,
    Math.max(4, (frame.height - BELOW) / Math.max(1, down)),
  );
  const height = Math.round(down * cellHeight) + BELOW;
  const inset = Math.min(cellWidth, cellHeight) > 5 ? 0.5 : 0;
  const cells = body.values.map((value, index) => ({
    row: Math.floor(index / across),
    column: index % across,
    value,
  }));
  const columns = columnNames.map((name, at): Label => ({ at, text: name }));
  const plotted = plot({
    width: frame.width,
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
      text(
        cells.filter(({ value }) => value == null),
        { x: 'column', y: 'row', text: () => '–', className: 't' },
      ),
      rowLabels(thinRows(rows, cellHeight)),
      columnLabels(thin(columns, cellWidth)),
      columnName(body.columns),
    ],
  });
  const places = cells.map(({ row, column, value }): Place => {
    const at = `${rowNames[row]}, ${body.columns.name} ${columnNames[column]}`;
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
  const every = Math.max(1, Math.ceil(12 / cellHeight));
  return rows.filter((_, index) => index % every === 0);
}
