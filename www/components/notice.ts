// What went wrong, what is safe and how to go on: a bar in the layout, where it stays till read.

import { html, nothing, type TemplateResult } from 'lit';
import { dismissError, recover, recoverOn } from '../actions';
import { bestBefore, type State } from '../store';
import { backButton } from './back';
import { icon } from './icons';

function bar(text: TemplateResult, ...acts: unknown[]): TemplateResult {
  return html`<div class="notice" role="alert">${icon('warn')}<p>${text}</p>${acts}</div>`;
}

export function notice(state: State): TemplateResult | typeof nothing {
  const { engine, error, device } = state;
  if (engine.status === 'unsupported')
    return bar(html`<b>This browser lacks WebAssembly SIMD.</b> Agents are trained with its vector
      instructions. Any browser since 2023 has them: Chrome 91, Firefox 89, Safari 16.4, or newer.`);
  if (engine.status === 'dead') {
    const { safe, why } = engine;
    const kept =
      safe === null
        ? 'No checkpoint had been kept yet, so the run starts again.'
        : `Nothing before update ${safe} is lost.`;
    return bar(
      html`<b>The engine stopped: ${why}.</b> ${kept} The boards are safe.`,
      html`<button class="btn primary small" @click=${recover}>
        ${safe === null ? 'Start again' : `Go on from ${safe}`}
      </button>`,
      device === 'cpu'
        ? nothing
        : html`<button class="btn small" @click=${() => recoverOn('cpu')}>Go on with the CPU</button>`,
      html`<button class="btn quiet small" @click=${() => navigator.clipboard.writeText(why)}>Copy details</button>`,
    );
  }
  if (error?.place !== 'page') return nothing;
  return bar(
    error.code === 'link'
      ? html`${error.message}`
      : html`<b>Not done:</b> ${error.message}. The session goes on as it was.`,
    error.code === 'diverged' && bestBefore(state) !== null ? backButton(state) : nothing,
    html`<button class="btn quiet small" @click=${dismissError}>Dismiss</button>`,
  );
}
