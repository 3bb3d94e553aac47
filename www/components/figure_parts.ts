// What a figure has beside its drawing, on the page and on a sheet.

import { html, type TemplateResult } from 'lit';
import { ramp } from '../colour';
import { formatNumber, formatScore } from '../format';
import type { Body, Colour, Number as Score } from '../protocol';

const RAMP_STEPS = 9;

/** Whether anything in a figure has the colour of a value. */
export function hasValues(body: Body): boolean {
  if (body.type === 'tree') return body.nodes.some(({ value }) => value != null);
  return body.type !== 'board' || body.values.some((value) => value !== null);
}

/** The ends of a scale and the colours between them. */
export function legend({ kind, limit, name }: Colour): TemplateResult {
  const low = kind === 'diverging' ? formatNumber(-limit) : '0';
  return html`<span class="legend" title=${name}>
    ${low}
    <span class="ramp">
      ${ramp(kind, RAMP_STEPS).map((colour) => html`<i style="background:${colour}"></i>`)}
    </span>
    ${formatNumber(limit)}
  </span>`;
}

/** A caption; a verdict before a colon, such as `Weak evidence`, stands out. */
export function captionOf(caption: string): TemplateResult {
  const [, verdict, rest] = /^(\w+(?: \w+)?): (.*)$/s.exec(caption) ?? [];
  return verdict ? html`<b>${verdict}:</b> ${rest}` : html`${caption}`;
}

/** A headline number; a control is lighter. */
export function numberOf(number: Score): TemplateResult {
  return html`<div class=${number.control ? 'ctl' : ''}>
    <dt>${number.name}</dt>
    <dd>${formatScore(number)}</dd>
  </div>`;
}
