// The world: a board to play on and to edit, what the agent makes of it, and the pair below.

import { html, nothing, svg, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import {
  agentMove,
  dismissError,
  goToPly,
  newGame,
  paint,
  play,
  setSearch,
  setSeat,
  shift,
} from '../actions';
import { ramp } from '../colour';
import { isCurrent } from '../look';
import type { Brush, Scene, StateView, View } from '../protocol';
import { store, Watch } from '../store';
import { allCells, type CellAction, hitAreas } from './board_overlay';
import { icon } from './icons';
import { LightElement } from './light';
import './pair';
import { cellKey, describe, drawDecision, drawScene, type Frame, isColumnwise } from './scene';
import { sentence } from './sentence';
import { drawShape } from './shapes';

const MARGIN_COLUMNWISE = 20;

@customElement('gb-world')
export class World extends LightElement {
  #watch = new Watch(this, (now) => [
    now.engine,
    now.run,
    now.boards,
    now.active,
    now.views,
    now.mode,
    now.seat,
    now.searchOn,
    now.line,
    now.ply,
    now.error,
  ]);
  @state() private accessor brush = 0;
  @state() private accessor focused = 0;
  /** The cell that a drag has picked up. */
  @state() private accessor lifted: string | null = null;
  /** The cell that it would be put down on. */
  @state() private accessor over: string | null = null;
  #down: string | null = null;

  get #board(): StateView | null {
    const { boards, active } = this.#watch.state;
    return boards[active];
  }

  get #view(): View | null {
    const now = this.#watch.state;
    const view = now.views[now.active];
    return isCurrent(view, now.active, now) ? view : null;
  }

  protected override render(): TemplateResult {
    const { mode } = this.#watch.state;
    const board = this.#board;
    return html`<section class="area world" aria-labelledby="world-title">
      <div class="head">
        <h2 id="world-title">World</h2>
        <p role="status">${board?.scene.status ?? nothing}</p>
        <span class="grow"></span>
        <div class="seg" role="group" aria-label="What a click on the board does">
          ${(['play', 'edit'] as const).map(
            (
              each,
            ) => html`<button aria-pressed=${each === mode} ?disabled=${!board} @click=${() => store.set({ mode: each })}>
              ${each === 'play' ? 'Play' : 'Edit'}
            </button>`,
          )}
        </div>
      </div>
      ${board ? this.#content(board) : this.#empty()}
    </section>`;
  }

  #empty(): TemplateResult {
    const { engine } = this.#watch.state;
    if (engine.status !== 'loading')
      return html`<div class="welcome"><p><b>No board yet.</b> Choose a preset above.</p></div>`;
    const size = engine.bytes ? `, ${(engine.bytes / 1e6).toFixed(1)} MB` : '';
    return html`<div class="welcome">
      <p>Fetching the engine${size}</p>
      <p class="muted">Everything runs on this machine; nothing is sent anywhere.</p>
    </div>`;
  }

  #content(board: StateView): TemplateResult {
    const { mode, run } = this.#watch.state;
    return html`
      <div
        class="board-main ${mode === 'edit' ? 'editing' : ''}"
        @pointerdown=${this.#onDown}
        @pointermove=${this.#onMove}
        @pointerup=${this.#onUp}
      >
        ${this.#scene(board)}
      </div>
      ${this.#legend()}
      ${mode === 'play' ? this.#playRow(run?.searches === true) : this.#brushRow(board)}
      ${this.#problem() ?? this.#sentence(board)}
      <gb-pair></gb-pair>
    `;
  }

  #scene(board: StateView): TemplateResult {
    const { mode, run } = this.#watch.state;
    const { scene } = board;
    const view = this.#view;
    const over = (frame: Frame) => [
      mode === 'play' && view?.network
        ? drawDecision(scene, frame, view.network, view.search, run?.actions ?? [])
        : nothing,
      mode === 'play' ? this.#targets(board, frame) : this.#cells(board, frame),
    ];
    const margin = isColumnwise(scene) ? MARGIN_COLUMNWISE : 0;
    return drawScene(scene, {
      label: `Board. ${describe(scene)}`,
      over,
      margin,
      lifted: this.lifted,
    });
  }

  #targets({ scene }: StateView, frame: Frame) {
    const { run } = this.#watch.state;
    const cells = scene.targets.map(({ row, column, action, legal }) => ({
      row,
      column,
      action,
      label: `Play ${run?.actions[action] ?? action}${legal ? '' : ', not legal'}`,
      enabled: legal,
    }));
    const focused = Math.min(this.focused, cells.length - 1);
    const press = (cell: CellAction) => {
      const target = cells.find((each) => each === cell);
      if (target) play(target.action);
    };
    return hitAreas(cells, frame, focused, press, (index) => {
      this.focused = index;
    });
  }

  #cells({ scene }: StateView, frame: Frame) {
    const cells = allCells(scene, scene.brushes[this.brush]?.name ?? '');
    const focused = Math.min(this.focused, cells.length - 1);
    const press = ({ row, column }: CellAction) => paint(row, column, this.brush);
    return [
      this.#ghost(scene, frame),
      hitAreas(cells, frame, focused, press, (index) => {
        this.focused = index;
      }),
    ];
  }

  /** What is being dragged, on the cell where it would be put down. */
  #ghost({ sprites }: Scene, frame: Frame) {
    const sprite = sprites.find((each) => cellKey(each) === this.lifted);
    if (!sprite || !this.over || this.over === this.lifted) return nothing;
    const [row = 0, column = 0] = this.over.split(',').map(Number);
    return svg`<g class="ghost">
      ${drawShape(sprite.shape, sprite.role, frame.x(column), frame.y(row), frame.cell)}
    </g>`;
  }

  #cellUnder(event: PointerEvent): string | null {
    const under = document.elementFromPoint(event.clientX, event.clientY);
    return under?.closest<SVGElement>('[data-cell]')?.dataset.cell ?? null;
  }

  #onDown(event: PointerEvent): void {
    if (this.#watch.state.mode !== 'edit' || event.button !== 0) return;
    const cell = this.#cellUnder(event);
    const stands = this.#board?.scene.sprites.some((sprite) => cellKey(sprite) === cell);
    this.#down = stands ? cell : null;
  }

  #onMove(event: PointerEvent): void {
    if (!this.#down) return;
    const over = this.#cellUnder(event);
    if (over !== this.#down) this.lifted = this.#down;
    if (this.lifted) this.over = over;
  }

  #onUp(): void {
    const { lifted, over } = this;
    this.#down = null;
    this.lifted = null;
    this.over = null;
    if (lifted && over && over !== lifted) shift(placeOf(lifted), placeOf(over));
  }

  #legend(): TemplateResult | typeof nothing {
    const { mode } = this.#watch.state;
    const view = this.#view;
    if (mode === 'edit')
      return html`<p class="note muted">Click to paint; drag a piece to move it.</p>`;
    const search = view?.search;
    const ring = html`<svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true"><circle cx="7" cy="7" r="5.5" class="sk3" /></svg>`;
    const disc = html`<svg width="12" height="14" viewBox="0 0 12 14" aria-hidden="true"><circle cx="6" cy="7" r="5" class="fink3" /></svg>`;
    if (!search)
      return html`<div class="row"><span class="legend">${disc}probability of each action</span></div>`;
    return html`<div class="row between">
      <span class="legend">${ring}prior ${disc}visits of ${search.simulations}</span>
      <span class="legend">loses<span class="ramp" aria-hidden="true">${ramp('diverging', 7).map((colour) => html`<i style="background:${colour}"></i>`)}</span>wins</span>
    </div>`;
  }

  #playRow(searches: boolean): TemplateResult {
    const { searchOn, line, ply } = this.#watch.state;
    const board = this.#board;
    const over = board === null || board.terminated || board.truncated;
    const button = (
      name: 'agent' | 'back' | 'on' | 'reset',
      label: string,
      off: boolean,
      act: () => void,
    ) =>
      html`<button class="btn icon small" aria-label=${label} title=${label} ?disabled=${off} @click=${act}>${icon(name)}</button>`;
    return html`<div class="row between">
      ${
        searches
          ? html`<div class="seg" role="group" aria-label="How the agent decides">
              <button aria-pressed=${searchOn} @click=${() => setSearch(true)}>Search</button>
              <button aria-pressed=${!searchOn} @click=${() => setSearch(false)}>Bare</button>
            </div>`
          : html`<span></span>`
      }
      <div class="row tight">
        ${button('agent', 'Let the agent move', over, agentMove)}
        ${button('back', 'Back a move', ply === 0, () => goToPly(-1))}
        ${button('on', 'On a move', ply + 1 >= line.length, () => goToPly(1))}
        ${button('reset', 'New game', false, newGame)}
      </div>
    </div>`;
  }

  #brushRow({ scene }: StateView): TemplateResult {
    const draw = ({ shape, role }: Brush) =>
      html`<svg viewBox="0 0 14 14" aria-hidden="true">
        ${shape ? drawShape(shape, role, 7, 7, 22) : svg`<path d="M3 11L11 3" class="sk3" />`}
      </svg>`;
    return html`<div class="row between">
      <div class="seg brushes" role="group" aria-label="Brush">
        ${scene.brushes.map(
          (brush, index) =>
            html`<button aria-pressed=${index === this.brush} @click=${() => {
              this.brush = index;
            }}>${draw(brush)}${brush.name}</button>`,
        )}
      </div>
      <button class="btn small" @click=${newGame}>New</button>
    </div>`;
  }

  #sentence(board: StateView): TemplateResult {
    const text = sentence(this.#watch.state, board, this.#view, setSeat);
    return html`<p class="note sentence">${text}</p>`;
  }

  /** What the board could not become, told in the sentence's place. */
  #problem(): TemplateResult | null {
    const { error } = this.#watch.state;
    if (error?.place !== 'world') return null;
    return html`<div class="notice-here" role="alert">
      ${icon('warn')}
      <p><b>Not done:</b> ${error.message}. The board is as it was.</p>
      <button class="btn quiet icon small" aria-label="Dismiss" @click=${dismissError}>${icon('close')}</button>
    </div>`;
  }
}

function placeOf(key: string): [number, number] {
  const [row = 0, column = 0] = key.split(',').map(Number);
  return [row, column];
}
