// How far long work has come, what is left, and a way out.

import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import { cancel } from '../actions';
import { formatNumber, formatSeconds } from '../format';
import { Watch } from '../store';
import { LightElement } from './light';

@customElement('gb-progress')
export class ProgressElement extends LightElement {
  #watch = new Watch(this, (now) => [now.busy]);

  protected override render(): TemplateResult | typeof nothing {
    const { busy } = this.#watch.state;
    if (!busy) return nothing;
    const { done, total, started, label, cancelling } = busy;
    const share = total > 0 ? done / total : 0;
    const seconds = (performance.now() - started) / 1000;
    const left =
      share > 0 && seconds > 0.5
        ? `, about ${formatSeconds((seconds * (1 - share)) / share)} left`
        : '';
    return html`<div class="working" role="status">
      <b>${label}</b>
      <div class="bar"><i style="width:${share * 100}%"></i></div>
      <div class="row between">
        <span class="muted num">${total > 0 ? `${formatNumber(done)} of ${formatNumber(total)}${left}` : 'starting'}</span>
        <button class="btn small" title="Calls it off; everything stays as it was" ?disabled=${cancelling} @click=${cancel}>
          ${cancelling ? 'Ending' : 'Cancel'}
        </button>
      </div>
    </div>`;
  }
}
