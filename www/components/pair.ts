// The two boards of a comparison: choose one, drag one onto the other to run the op for pairs.

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { copyBoard, pairOp, runOp, setActive, swapBoards } from '../actions';
import { store, Watch, type Which } from '../store';
import { icon } from './icons';
import { LightElement } from './light';
import { describe, differingCells, drawScene, shortName } from './scene';

const NAMES: Record<Which, string> = { clean: 'Clean', corrupt: 'Corrupt' };
const DRAG_THRESHOLD = 5;

export function other(which: Which): Which {
  return which === 'clean' ? 'corrupt' : 'clean';
}

/** Puts the board that was taken onto the other one. */
export function dropBoard(target: Which): void {
  const { taken, boards } = store.state;
  store.set({ taken: null });
  const op = pairOp();
  if (taken && taken !== target && boards[target] && op) runOp(op);
}

@customElement('gb-pair')
export class Pair extends LightElement {
  #watch = new Watch(this, (now) => [
    now.boards,
    now.active,
    now.views,
    now.taken,
    now.run,
    now.catalogue,
  ]);
  @state() private accessor carried: { x: number; y: number } | null = null;
  #from: { which: Which; x: number; y: number } | null = null;
  #dragged = false;

  #onDown(event: PointerEvent, which: Which): void {
    if (event.button !== 0 || !store.state.boards.corrupt) return;
    this.#from = { which, x: event.clientX, y: event.clientY };
    this.#dragged = false;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
  }

  #onMove(event: PointerEvent): void {
    if (!this.#from) return;
    const distance = Math.hypot(event.clientX - this.#from.x, event.clientY - this.#from.y);
    if (!this.#dragged && distance < DRAG_THRESHOLD) return;
    this.#dragged = true;
    if (store.state.taken !== this.#from.which) store.set({ taken: this.#from.which });
    this.carried = { x: event.clientX, y: event.clientY };
  }

  #onUp(event: PointerEvent): void {
    const from = this.#from;
    this.#from = null;
    this.carried = null;
    if (!from || !this.#dragged) return;
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const target = under?.closest<HTMLElement>('[data-board]')?.dataset.board;
    if (target === other(from.which)) dropBoard(other(from.which));
    else store.set({ taken: null });
  }

  #onClick(which: Which): void {
    if (this.#dragged) this.#dragged = false;
    else setActive(which);
  }

  /** C takes the board under the focus; the page's own C takes the one on show. */
  #onKey(event: KeyboardEvent, which: Which): void {
    if (event.key.toLowerCase() !== 'c' || event.ctrlKey || event.metaKey || event.altKey) return;
    store.set({ taken: which });
    event.stopPropagation();
  }

  protected override render(): TemplateResult {
    const { boards } = this.#watch.state;
    if (!boards.clean) return html``;
    return html`<div class="pair">
        ${this.#board('clean')}
        <div class="arrow">
          ${
            boards.corrupt
              ? html`<svg viewBox="0 0 34 34" width="34" aria-hidden="true"><path d="M4 17h22M20 11l6 6-6 6" class="sacc" /></svg>
                <button class="btn quiet icon small" aria-label="Swap the boards" title="Swap the boards" @click=${swapBoards}>${icon('swap')}</button>
                <button class="btn quiet icon small" aria-label="Copy the clean board over the corrupt one" title="Copy clean over corrupt" @click=${() => copyBoard('clean', 'corrupt')}>${icon('copy')}</button>`
              : nothing
          }
        </div>
        ${this.#board('corrupt')}
      </div>
      <p class="note muted">${this.#note()}</p>
      ${this.#carriedBoard()}`;
  }

  #carriedBoard(): TemplateResult | typeof nothing {
    const { boards, taken } = this.#watch.state;
    const board = taken && boards[taken];
    if (!this.carried || !board) return nothing;
    const style = `left:${this.carried.x}px;top:${this.carried.y}px`;
    return html`<div class="carried" style=${style} aria-hidden="true">
      ${drawScene(board.scene, { label: '', width: 100 })}
    </div>`;
  }

  #board(which: Which): TemplateResult {
    const { boards, active, taken } = this.#watch.state;
    const board = boards[which];
    if (!board)
      return html`<figure data-board=${which}>
        <figcaption><span>${NAMES[which]}</span></figcaption>
        <div class="empty-board">
          <button class="btn small" @click=${() => copyBoard(other(which), which)}>Copy ${NAMES[other(which)].toLowerCase()}</button>
        </div>
      </figure>`;
    const across = boards[other(which)];
    const differing = across ? differingCells(board.scene, across.scene) : undefined;
    const state = [
      active === which ? 'on' : '',
      taken === which ? 'taken' : '',
      taken === other(which) ? 'target' : '',
    ];
    return html`<figure class=${state.join(' ')} data-board=${which}>
      <figcaption><span>${NAMES[which]}</span><span class="muted">${this.#best(which)}</span></figcaption>
      <button
        class="grip"
        aria-pressed=${active === which}
        aria-label="${NAMES[which]} board, ${describe(board.scene)} Press to show it; C takes it, P drops it on the other board."
        @click=${() => this.#onClick(which)}
        @keydown=${(event: KeyboardEvent) => this.#onKey(event, which)}
        @pointerdown=${(event: PointerEvent) => this.#onDown(event, which)}
        @pointermove=${this.#onMove}
        @pointerup=${this.#onUp}
        @pointercancel=${this.#onUp}
      >
        ${drawScene(board.scene, { label: `${NAMES[which]} board`, width: 100, ...(differing ? { differing } : {}) })}
      </button>
    </figure>`;
  }

  #best(which: Which): string {
    const { views, run } = this.#watch.state;
    const action = views[which]?.network?.action;
    return action === undefined ? '' : `best ${shortName(run?.actions ?? [], action)}`;
  }

  #note(): string {
    const { boards, catalogue } = this.#watch.state;
    if (!boards.clean || !boards.corrupt) return 'Copy the board, change one thing, and compare.';
    const count = differingCells(boards.clean.scene, boards.corrupt.scene).size;
    const same = JSON.stringify(boards.clean.state) === JSON.stringify(boards.corrupt.state);
    if (same) return 'The boards are the same. Edit one to compare.';
    if (count === 0) return 'The boards differ. Drag either onto the other: patch activations.';
    const op = catalogue?.ops.find(({ id }) => id === pairOp());
    const differ = `${count} ${count === 1 ? 'square differs' : 'squares differ'}.`;
    return op ? `${differ} Drag either board onto the other: ${op.title.toLowerCase()}.` : differ;
  }
}
