// The editor of the board: brushes, and what presses, drags and keys do with them.

import { html, nothing, svg, type TemplateResult } from 'lit';
import {
  hasTwoPlayers,
  newGame,
  paint,
  redo,
  Stroke,
  shift,
  trainOnDrawnLevels,
  trainOnLevel,
  undo,
} from '../actions';
import { eraserOf } from '../editing';
import { levelOfRun, levelOfState } from '../level';
import type { Brush, Scene, Sprite, StateView } from '../protocol';
import { type Cell, type State, store } from '../store';
import { allCells, hitAreas } from './board_overlay';
import { icon } from './icons';
import { cellKey, type Frame } from './scene';
import { drawShape, fillsCell, isGround } from './shapes';

function cellOf(key: string): Cell {
  const [row = 0, column = 0] = key.split(',').map(Number);
  return { row, column };
}

/** The topmost thing on a cell that can be picked up. */
function thingAt({ sprites }: Scene, key: string): Sprite | undefined {
  return sprites.findLast((sprite) => cellKey(sprite) === key && !isGround(sprite.shape));
}

export class BoardEditor {
  brush = 0;
  /** The cell that a drag has picked up, and the one that it would be put down on. */
  lifted: string | null = null;
  #over: string | null = null;
  #pressed: string | null = null;
  #stroke: Stroke | null = null;
  #redraw: () => void;

  constructor(redraw: () => void) {
    this.#redraw = redraw;
  }

  #choose(brush: number): void {
    this.brush = brush;
    this.#redraw();
  }

  #brushOf({ brushes }: Scene): Brush | undefined {
    return brushes[Math.min(this.brush, brushes.length - 1)];
  }

  #cellUnder(event: PointerEvent): string | null {
    const under = document.elementFromPoint(event.clientX, event.clientY);
    return under?.closest<SVGElement>('.board-main [data-cell]')?.dataset.cell ?? null;
  }

  onDown(event: PointerEvent, scene: Scene): void {
    const key = this.#cellUnder(event);
    if (event.button !== 0 || !event.isPrimary || key === null) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.#pressed = key;
    const brush = this.#brushOf(scene);
    if (!brush || (brush.shape && thingAt(scene, key))) return;
    this.#begin(scene, key);
    if (brush.shape && !isGround(brush.shape)) this.#stroke = null;
  }

  #begin(scene: Scene, key: string): void {
    this.#stroke = new Stroke(this.brush, scene, cellOf(key));
    this.#over = key;
    this.#stroke.to(cellOf(key));
  }

  onMove(event: PointerEvent, scene: Scene): void {
    if (this.#pressed === null) return;
    const key = this.#cellUnder(event);
    if (this.#stroke) {
      if (key === null || key === this.#over) return;
      this.#over = key;
      this.#stroke.to(cellOf(key));
    } else if (thingAt(scene, this.#pressed)) {
      if (key !== this.#pressed) this.lifted = this.#pressed;
      if (this.lifted) this.#over = key;
      this.#redraw();
    }
  }

  onUp(scene: Scene): void {
    const { lifted } = this;
    const [pressed, over, stroke] = [this.#pressed, this.#over, this.#stroke];
    this.onCancel();
    if (lifted && over && over !== lifted) shift(cellOf(lifted), cellOf(over));
    else if (pressed && !lifted && !stroke && over === null && thingAt(scene, pressed))
      paint(cellOf(pressed), this.brush);
  }

  onCancel(): void {
    this.lifted = null;
    this.#over = null;
    this.#pressed = null;
    this.#stroke = null;
    this.#redraw();
  }

  /** Digits choose a brush. */
  onKey(event: KeyboardEvent, { brushes }: Scene): void {
    const index = Number(event.key) - 1;
    if (event.ctrlKey || event.metaKey || event.altKey || !brushes[index]) return;
    this.#choose(index);
    event.preventDefault();
    event.stopPropagation();
  }

  /** Cells to press, above them what is being painted or carried. */
  layer(scene: Scene, frame: Frame, focused: number, onFocus: (index: number) => void): unknown {
    const cells = allCells(scene, this.#brushOf(scene)?.name ?? '');
    const at = Math.min(focused, cells.length - 1);
    return [
      this.#pending(scene, frame),
      this.#ghost(scene, frame),
      this.#refused(frame),
      // Pointers are followed from press to release; what clicks without one still paints.
      hitAreas(cells, frame, at, (cell) => paint(cell, this.brush), onFocus),
    ];
  }

  #pending({ brushes }: Scene, { cell: side, x, y }: Frame) {
    return store.state.pending.map(({ row, column, brush }) => {
      const { shape, role } = brushes[brush] ?? {};
      return shape && role
        ? svg`<g class="pending">${drawShape(shape, role, x(column), y(row), side)}</g>`
        : svg`<rect class="pending fsunk" x=${x(column) - side / 2} y=${y(row) - side / 2} width=${side} height=${side} />`;
    });
  }

  #ghost(scene: Scene, { cell, x, y }: Frame) {
    const sprite = this.lifted && thingAt(scene, this.lifted);
    if (!sprite || !this.#over || this.#over === this.lifted) return nothing;
    const { row, column } = cellOf(this.#over);
    return svg`<g class="ghost">${drawShape(sprite.shape, sprite.role, x(column), y(row), cell)}</g>`;
  }

  #refused({ cell, x, y }: Frame) {
    const { refused } = store.state;
    if (!refused) return nothing;
    const side = cell - 2;
    return svg`<rect class="refused" x=${x(refused.column) - side / 2} y=${y(refused.row) - side / 2}
      width=${side} height=${side} rx="2" />`;
  }

  /** What the chosen brush does. */
  hint(scene: Scene): TemplateResult {
    const brush = this.#brushOf(scene);
    if (!brush) return html`<p class="note muted">Nothing here can be edited.</p>`;
    const clear = eraserOf(scene) < 0 ? '' : ' or clear';
    const does = !brush.shape
      ? 'click or drag to clear.'
      : isGround(brush.shape)
        ? `click or drag to paint${clear}.`
        : `click to place${clear}; drag to move.`;
    return html`<p class="note muted"><b>${brush.name}</b>: ${does}</p>`;
  }

  palette(scene: Scene): TemplateResult {
    const { brushes } = scene;
    if (brushes.length === 0) return html``;
    const picture = ({ shape, role }: Brush) =>
      shape
        ? html`<svg viewBox="0 0 18 18" aria-hidden="true">${drawShape(shape, role, 9, 9, fillsCell(shape) ? 15 : 21)}</svg>`
        : icon('erase');
    return html`<div
      class="brushes"
      role="group"
      aria-label="Brush"
      @keydown=${(event: KeyboardEvent) => this.onKey(event, scene)}
    >
      ${brushes.map(
        (brush, index) =>
          html`<button aria-pressed=${brush === this.#brushOf(scene)} title="${brush.name} (${index + 1})" @click=${() => this.#choose(index)}>
            ${picture(brush)}<span>${brush.name}</span>
          </button>`,
      )}
    </div>`;
  }

  /** Back and on through what was edited, and afresh. */
  steps({ canUndo, canRedo }: State): TemplateResult {
    const step = (name: 'undo' | 'redo' | 'reset', label: string, can: boolean, act: () => void) =>
      html`<button class="btn icon small" aria-label=${label} title=${label} ?disabled=${!can} @click=${act}>${icon(name)}</button>`;
    return html`<div class="row tight">
      ${step('undo', 'Undo', canUndo, undo)} ${step('redo', 'Redo', canRedo, redo)}
      ${step('reset', 'New', true, newGame)}
    </div>`;
  }

  /** What the agent can do with the board. */
  tools(board: StateView, { run, training }: State, onHand: () => void): TemplateResult {
    const over = board.terminated || board.truncated;
    const trainedOn = levelOfRun(run);
    const level = levelOfState(board);
    const hand = html`<button class="btn small" title="Hand this level to the agent" ?disabled=${over} @click=${onHand}>${icon('play')}Hand to agent</button>`;
    const train = html`<button class="btn small" ?disabled=${training} @click=${trainOnLevel}>Train on this level</button>`;
    const back = html`<button class="btn small" ?disabled=${training} @click=${trainOnDrawnLevels}>Train on new levels</button>`;
    const canTrain = trainedOn !== null && level !== null && trainedOn !== level;
    return html`<div class="row tight">
      ${hasTwoPlayers() ? nothing : hand} ${canTrain ? train : nothing}
      ${trainedOn ? back : nothing}
    </div>`;
  }
}
