// What of a figure can be taken away: its drawing, its table, its data.

import { html, nothing, type TemplateResult } from 'lit';
import { download } from '../actions';
import { csvText, fileName, pngBytes, svgText } from '../figures/export';
import type { Figure } from '../protocol';
import { icon } from './icons';

/** A menu of files; `drawing` finds the SVG on the page. */
export function exportMenu(figure: Figure, drawing: () => SVGSVGElement | null): TemplateResult {
  const name = fileName(figure.title);
  const { body } = figure;
  const save = (event: Event, write: () => void | Promise<void>) => {
    (event.currentTarget as Element).closest('details')?.removeAttribute('open');
    void write();
  };
  const draw = (write: (svg: SVGSVGElement) => void | Promise<void>) => () => {
    const svg = drawing();
    return svg ? write(svg) : undefined;
  };
  const item = (label: string, note: string, write: () => void | Promise<void>) =>
    html`<button @click=${(event: Event) => save(event, write)}>${label}<small>${note}</small></button>`;
  const saveSvg = draw((svg) => download(`${name}.svg`, svgText(svg), 'image/svg+xml'));
  const savePng = draw(async (svg) => download(`${name}.png`, await pngBytes(svg), 'image/png'));
  const saveJson = () =>
    download(`${name}.json`, JSON.stringify(figure, null, 2), 'application/json');
  return html`<details class="menu">
    <summary class="tool" aria-label="Export the figure" title="Export">${icon('download')}</summary>
    <div class="list">
      ${body.type === 'table' ? nothing : item('SVG', 'the drawing, to edit', saveSvg)}
      ${body.type === 'table' ? nothing : item('PNG', 'the drawing, at twice its size', savePng)}
      ${
        body.type === 'table'
          ? item('CSV', 'the table', () => download(`${name}.csv`, csvText(body), 'text/csv'))
          : nothing
      }
      ${item('JSON', 'values, axes, caption, numbers', saveJson)}
    </div>
  </details>`;
}
