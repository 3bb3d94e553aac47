// A table: numbers on the right of their columns, words on the left.

import { html, type TemplateResult } from 'lit';
import { formatNumber } from '../format';
import type { Body, Cell } from '../protocol';

type Table = Extract<Body, { type: 'table' }>;
/** What stands in a cell of states; `name` says which of the table's they are. */
type DrawStates = (states: unknown[], name: string) => TemplateResult;

/** Words up to this length stay on one line. */
const ONE_LINE = 15;
/** Columns from which a table takes the room of two figures. */
const WIDE = 7;

export function isWide(body: Body): boolean {
  return body.type === 'table' && body.columns.length >= WIDE;
}

export function drawTable(
  { columns, rows }: Table,
  drawStates: DrawStates = written,
): TemplateResult {
  const isNumeric = columns.map((_, at) => rows.every((row) => typeof row[at] === 'number'));
  const side = (at: number) => (isNumeric[at] ? 'num' : '');
  const draw = (cell: Cell, row: number) => {
    if (typeof cell === 'number') return formatNumber(cell);
    return typeof cell === 'string' ? cell : drawStates(cell.states, `row ${row + 1}`);
  };
  return html`
    <table class="g-table">
      <thead>
        <tr>
          ${columns.map((column, at) => html`<th class=${side(at)} scope="col">${column}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row, index) => html`<tr>
            ${row.map((cell, at) => html`<td class="${side(at)} ${lengthOf(cell)}">${draw(cell, index)}</td>`)}
          </tr>`,
        )}
      </tbody>
    </table>
  `;
}

function lengthOf(cell: Cell): string {
  if (typeof cell !== 'string') return '';
  return cell.length > ONE_LINE ? 'long' : 'short';
}

/** States in full, where there is no board to put them on. */
function written(states: unknown[]): TemplateResult {
  return html`<details>
    <summary>${states.length === 1 ? 'state' : `${states.length} states`}</summary>
    ${states.map((state) => html`<code>${JSON.stringify(state)}</code>`)}
  </details>`;
}
