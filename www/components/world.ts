// The world: a board to play on and to edit, what the agent makes of it, and the pair below.

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import {
  agentMove,
  dismissError,
  goToPly,
  handOver,
  hasTwoPlayers,
  isWalking,
  newGame,
  play,
  setMode,
  setSearch,
  setSeat,
  stopWalk,
} from '../actions';
import { ramp } from '../colour';
import { isCurrent } from '../look';
import type { StateView, View } from '../protocol';
import { Watch } from '../store';
import { type Trail, trailsOf } from '../trail';
import { type CellAction, hitAreas } from './board_overlay';
import { BoardEditor } from './editor';
import { icon } from './icons';
import { LightElement } from './light';
import './pair';
import { describe, drawDecision, drawScene, type Frame, isColumnwise } from './scene';
import { sentence } from './sentence';

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
    now.walk,
    now.pending,
    now.refused,
    now.canUndo,
    now.canRedo,
    now.training,
  ]);
  @state() private accessor focused = 0;
  #editor = new BoardEditor(() => this.requestUpdate());

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
    return html`<section class="area world ${mode}" aria-labelledby="world-title">
      <div class="head">
        <h2 id="world-title">World</h2>
        <p role="status" class=${mode === 'edit' ? 'vh' : ''}>${board?.scene.status ?? nothing}</p>
        <span class="grow"></span>
        ${board && mode === 'edit' ? this.#editor.steps(this.#watch.state) : nothing}
        <div class="seg" role="group" aria-label="What a click on the board does">
          ${(['play', 'edit'] as const).map(
            (
              each,
            ) => html`<button aria-pressed=${each === mode} ?disabled=${!board} @click=${() => setMode(each)}>
              ${each === 'play' ? 'Play' : 'Edit'}
            </button>`,
          )}
        </div>
      </div>
      ${board ? this.#content(board) : this.#empty()}
    </section>`;
  }

  /** The button that was pressed is gone then; what stops the walk is next at hand. */
  async #handOver(): Promise<void> {
    handOver();
    await this.updateComplete;
    this.querySelector<HTMLElement>('.watch')?.focus();
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
    const { mode } = this.#watch.state;
    const { scene } = board;
    const editor = this.#editor;
    const main =
      mode === 'play'
        ? html`<div class="board-main">${this.#scene(board)}</div>
            ${this.#legend()} ${this.#playRow(board)}`
        : html`<div
              class="board-main editing"
              @pointerdown=${(event: PointerEvent) => editor.onDown(event, scene)}
              @pointermove=${(event: PointerEvent) => editor.onMove(event, scene)}
              @pointerup=${() => editor.onUp(scene)}
              @pointercancel=${() => editor.onCancel()}
              @keydown=${(event: KeyboardEvent) => editor.onKey(event, scene)}
            >
              ${this.#scene(board)}
            </div>
            ${editor.hint(scene)} ${editor.palette(scene)} ${editor.tools(board, this.#watch.state, () => this.#handOver())}`;
    return html`${main} ${this.#problem() ?? this.#sentence(board)}
      <gb-pair></gb-pair>`;
  }

  #scene(board: StateView): TemplateResult {
    const { mode, run } = this.#watch.state;
    const { scene } = board;
    const view = this.#view;
    const over = (frame: Frame) => [
      mode === 'play' && view?.network
        ? drawDecision(scene, frame, view.network, view.search, run?.actions ?? [])
        : nothing,
      mode === 'play'
        ? this.#targets(board, frame)
        : this.#editor.layer(scene, frame, this.focused, (index) => {
            this.focused = index;
          }),
    ];
    const margin = isColumnwise(scene) ? MARGIN_COLUMNWISE : 0;
    return drawScene(scene, {
      label: `Board. ${describe(scene)}`,
      over,
      margin,
      lifted: this.#editor.lifted,
      trails: mode === 'play' ? this.#trails() : [],
    });
  }

  /** Where the walk has led, if the board on show lies on it. */
  #trails(): Trail[] {
    const { walk, line, ply } = this.#watch.state;
    if (walk?.line !== line || ply < walk.from) return [];
    return trailsOf(line.slice(walk.from), ply - walk.from);
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

  #legend(): TemplateResult | typeof nothing {
    const view = this.#view;
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

  #playRow(board: StateView): TemplateResult {
    const { searchOn, line, ply, run } = this.#watch.state;
    const walking = isWalking(this.#watch.state);
    const over = board.terminated || board.truncated;
    const button = (
      name: 'agent' | 'back' | 'on' | 'reset',
      label: string,
      off: boolean,
      act: () => void,
    ) =>
      html`<button class="btn icon small" aria-label=${label} title=${label} ?disabled=${off} @click=${act}>${icon(name)}</button>`;
    const watch = html`<button class="btn small watch" ?disabled=${over && !walking} @click=${walking ? stopWalk : handOver}>
      ${walking ? icon('stop') : icon('play')}${walking ? 'Stop' : 'Watch it play'}
    </button>`;
    return html`<div class="row between wraps">
      ${
        run?.searches
          ? html`<div class="seg" role="group" aria-label="How the agent decides">
              <button aria-pressed=${searchOn} @click=${() => setSearch(true)}>Search</button>
              <button aria-pressed=${!searchOn} @click=${() => setSearch(false)}>Bare</button>
            </div>`
          : nothing
      }
      ${hasTwoPlayers() ? nothing : watch}
      <div class="row tight">
        ${button('agent', 'Let the agent move', over || walking, agentMove)}
        ${button('back', 'Back a move', ply === 0, () => goToPly(-1))}
        ${button('on', 'On a move', ply + 1 >= line.length, () => goToPly(1))}
        ${button('reset', 'New game', false, newGame)}
      </div>
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
