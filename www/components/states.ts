// States that a figure holds: a button puts them on the boards, and a pair that is there is compared.

import { html, type TemplateResult } from 'lit';
import { loadStates, pairOp, runOp } from '../actions';
import { store } from '../store';

/** The button of some states, `name` saying which; `keep` is called before their figure would go. */
export function statesButton(states: unknown[], name: string, keep: () => void): TemplateResult {
  const { boards, active, busy, catalogue } = store.state;
  const isPair = states.length > 1;
  const shown = isPair ? [boards.clean, boards.corrupt] : [boards[active]];
  const isThere = states.every((state, at) => isSame(state, shown[at]?.state));
  const op = isPair && isThere ? catalogue?.ops.find(({ id }) => id === pairOp()) : undefined;
  const press = () => {
    if (!op) return loadStates(states);
    keep();
    return runOp(op.id);
  };
  const label = op?.title ?? (isThere ? 'Loaded' : isPair ? 'Load pair' : 'Load');
  return html`<button
    class=${op ? 'btn small primary' : 'btn small'}
    aria-label="${label}: ${name}"
    title=${op?.summary ?? (isPair ? 'Puts both on the boards in World' : 'Puts it on the board in World')}
    ?disabled=${busy !== null && op !== undefined}
    @click=${press}
  >
    ${label}
  </button>`;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
