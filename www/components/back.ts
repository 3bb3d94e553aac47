// The way back to the best checkpoint, in one click.

import { html, nothing, type TemplateResult } from 'lit';
import { rewind } from '../actions';
import { formatNumber } from '../format';
import type { State } from '../store';

/** Disabled while the newest update is the best, so that nothing moves when it is no more. */
export function backButton({ kept, update }: State): TemplateResult | typeof nothing {
  const { best } = kept;
  if (best == null) return nothing;
  const isThere = best >= update;
  const title = isThere
    ? 'The newest update is the best so far'
    : 'Puts the run back to how it was then, and drops what came after';
  return html`<button class="btn primary small" title=${title} ?disabled=${isThere} @click=${() => rewind(best)}>
    Back to update ${formatNumber(best)} (best)
  </button>`;
}
