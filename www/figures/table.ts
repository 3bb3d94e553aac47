// A table: numbers on the right of their columns, words on the left.

import { html, type TemplateResult } from 'lit';
import { formatNumber } from '../format';
import type { Body } from '../protocol';

type Table = Extract<Body, { type: 'table' }>;

export function drawTable({ columns, rows }: Table): TemplateResult {
  const isNumeric = columns.map((_, at) => rows.every((row) => typeof row[at] === 'number'));
  const side = (at: number) => (isNumeric[at] ? 'num' : '');
  return html`
    <table class="g-table">
      <thead>
        <tr>
          ${columns.map((column, at) => html`<th class=${side(at)} scope="col">${column}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) => html`<tr>
            ${row.map((cell, at) => {
              const text = typeof cell === 'number' ? formatNumber(cell) : cell;
              return html`<td class=${side(at)}>${text}</td>`;
            })}
          </tr>`,
        )}
      </tbody>
    </table>
  `;
}
