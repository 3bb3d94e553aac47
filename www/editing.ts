// Painting and moving on the active board. The engine checks every cell; what it refuses changes nothing.

import { activeBoard, edited } from './boards';
import { ask, attempt, report } from './engine';
import { amend, change } from './history';
import type { Brush, Scene, Sprite } from './protocol';
import { type Cell, store } from './store';

const REFUSED_MS = 2500;

let turn: Promise<unknown> = Promise.resolve();
let refusedTimer: ReturnType<typeof setTimeout> | undefined;

/** Each act begins with the board that the one before it left. */
function inTurn(act: () => Promise<void>): Promise<void> {
  const mine = turn.then(act);
  turn = mine.catch(() => {});
  return mine;
}

function sameCell(one: Cell, other: Cell): boolean {
  return one.row === other.row && one.column === other.column;
}

function refuse(cell: Cell): void {
  clearTimeout(refusedTimer);
  store.set({ refused: { row: cell.row, column: cell.column } });
  refusedTimer = setTimeout(() => store.set({ refused: null }), REFUSED_MS);
}

/** Whether a cell holds what a brush paints. */
export function standsAt(scene: Scene, cell: Cell, { shape, role, name }: Brush): boolean {
  const is = (sprite: Sprite) =>
    sameCell(sprite, cell) && sprite.shape === shape && sprite.role === role;
  const alike = scene.brushes.filter((other) => other.shape === shape && other.role === role);
  return scene.sprites.some((sprite) => is(sprite) && (alike.length < 2 || sprite.name === name));
}

/** The brush that clears a cell; −1 where there is none. */
export function eraserOf({ brushes }: Scene): number {
  return brushes.findIndex(({ shape }) => shape === null);
}

/** The cells of a straight line, without the first. */
export function cellsBetween(from: Cell, to: Cell): Cell[] {
  const [down, right] = [to.row - from.row, to.column - from.column];
  const count = Math.max(Math.abs(down), Math.abs(right));
  return Array.from({ length: count }, (_, index) => ({
    row: from.row + Math.round((down * (index + 1)) / count),
    column: from.column + Math.round((right * (index + 1)) / count),
  }));
}

/**
 * One press of a brush, from its first cell to its release: one step of the history. On a cell that
 * holds what the brush paints it clears, and then clears only such cells.
 */
export class Stroke {
  #brush: number;
  #only: Brush | null = null;
  #last: Cell | null = null;
  #told = false;
  #changed = false;

  constructor(brush: number, scene: Scene, first: Cell) {
    const paints = scene.brushes[brush];
    const eraser = eraserOf(scene);
    const clears = paints !== undefined && eraser >= 0 && standsAt(scene, first, paints);
    this.#brush = clears ? eraser : brush;
    this.#only = clears ? paints : null;
  }

  /** Goes on to a cell, in a straight line. */
  to(cell: Cell): Promise<void> {
    const cells = this.#last ? cellsBetween(this.#last, cell) : [cell];
    this.#last = cell;
    const brush = this.#brush;
    store.set({ pending: [...store.state.pending, ...cells.map((each) => ({ ...each, brush }))] });
    return inTurn(async () => {
      for (const each of cells) await this.#paint(each);
    });
  }

  async #paint(cell: Cell): Promise<void> {
    const { active } = store.state;
    const board = activeBoard();
    const done = () => {
      const { pending } = store.state;
      const at = pending.findIndex((each) => sameCell(each, cell));
      store.set({ pending: pending.filter((_, index) => index !== at) });
    };
    if (!board || this.#needless(board.scene, cell)) return done();
    const tell = this.#told ? report : attempt;
    this.#told = true;
    const well = await tell('world', async () => {
      const { row, column } = cell;
      const next = await ask('state', {
        type: 'paint',
        state: board.state,
        row,
        column,
        brush: this.#brush,
      });
      if (JSON.stringify(next.state) === JSON.stringify(board.state)) return;
      edited(active, next, this.#changed ? amend : change);
      this.#changed = true;
    });
    done();
    if (!well) refuse(cell);
  }

  #needless(scene: Scene, cell: Cell): boolean {
    if (this.#only) return !standsAt(scene, cell, this.#only);
    const paints = scene.brushes[this.#brush];
    if (paints?.shape) return standsAt(scene, cell, paints);
    return !scene.sprites.some((sprite) => sameCell(sprite, cell));
  }
}

/** Paints one cell; clears it where it holds what the brush paints. */
export async function paint(cell: Cell, brush: number): Promise<void> {
  const board = activeBoard();
  if (board) await new Stroke(brush, board.scene, cell).to(cell);
}

/** Moves what stands on a cell to another. */
export function shift(from: Cell, to: Cell): Promise<void> {
  return inTurn(async () => {
    const { active } = store.state;
    const state = activeBoard()?.state;
    const well = await attempt('world', async () =>
      edited(
        active,
        await ask('state', {
          type: 'shift',
          state,
          from: [from.row, from.column],
          to: [to.row, to.column],
        }),
      ),
    );
    if (!well) refuse(to);
  });
}
