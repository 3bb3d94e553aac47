// The evidence sheet: what is kept, as files.

import { html, nothing, type TemplateResult } from 'lit';
import { saveSheet, saveSheetPage } from '../actions';
import { bytesOf, entriesOf } from '../sheet';
import type { Result } from '../store';
import { icon } from './icons';

/** A menu of files, once a figure is kept. */
export function sheetMenu(results: Result[]): TemplateResult | typeof nothing {
  const count = results.filter(({ pinned }) => pinned).length;
  if (count === 0) return nothing;
  const item = (label: string, note: string, write: () => Promise<void>) => {
    const save = (event: Event) => {
      (event.currentTarget as Element).closest('details')?.removeAttribute('open');
      void write();
    };
    return html`<button @click=${save}>${label}<small>${note}</small></button>`;
  };
  const size = sizeOf(bytesOf(entriesOf(results)));
  return html`<details class="menu">
    <summary class="btn small" aria-label="Evidence sheet of ${count} kept ${count === 1 ? 'figure' : 'figures'}">
      ${icon('pin')} Sheet<span class="num">${count}</span>
    </summary>
    <div class="list">
      ${item('HTML', 'figures and how each was made, on one page', saveSheetPage)}
      ${item('JSON', `to replay on the command line, with ${size} of weights`, saveSheet)}
    </div>
  </details>`;
}

function sizeOf(bytes: number): string {
  const megabytes = bytes / 1e6;
  return megabytes < 0.1 ? `${Math.ceil(bytes / 1000)} kB` : `${megabytes.toFixed(1)} MB`;
}
