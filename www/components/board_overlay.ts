// What lies over the board that is played on or edited: targets to play, cells to paint and drag.

import { svg } from 'lit';
import type { Scene } from '../protocol';
import type { Frame } from './scene';

export interface CellAction {
  row: number;
  column: number;
  label: string;
  enabled: boolean;
}

/** Areas to press, one a cell; arrow keys go from one to the next. */
export function hitAreas(
  cells: CellAction[],
  frame: Frame,
  focused: number,
  onPress: (cell: CellAction) => void,
  onFocus: (index: number) => void,
) {
  // Finger-wide gaps would swallow presses on small cells.
  const gap = frame.cell < 36 ? 0.5 : 2;
  return cells.map(
    (cell, index) => svg`<rect class="hit" role="button"
      data-cell="${cell.row},${cell.column}"
      tabindex=${index === focused ? 0 : -1}
      aria-label=${cell.label} aria-disabled=${!cell.enabled}
      x=${cell.column * frame.cell + gap} y=${cell.row * frame.cell + gap}
      width=${frame.cell - 2 * gap} height=${frame.cell - 2 * gap} rx=${2 * gap}
      @click=${() => cell.enabled && onPress(cell)}
      @focus=${() => onFocus(index)}
      @keydown=${(event: KeyboardEvent) => onKey(event, cells, index, () => cell.enabled && onPress(cell))}
    />`,
  );
}

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
};

/** The nearest cell in a direction; the cell itself at the edge. */
export function neighbourOf(
  cells: readonly { row: number; column: number }[],
  index: number,
  [down, right]: readonly [number, number],
): number {
  const from = cells[index];
  if (!from) return index;
  let best = index;
  let least = Infinity;
  cells.forEach(({ row, column }, other) => {
    const [dy, dx] = [row - from.row, column - from.column];
    const along = dy * down + dx * right;
    const aside = Math.abs(dy * right) + Math.abs(dx * down);
    if (along > 0 && along + 3 * aside < least) [best, least] = [other, along + 3 * aside];
  });
  return best;
}

function onKey(event: KeyboardEvent, cells: CellAction[], index: number, press: () => void): void {
  const arrow = ARROWS[event.key];
  if (arrow) {
    const areas = (event.currentTarget as Element).closest('svg')?.querySelectorAll('.hit');
    const next = areas?.[neighbourOf(cells, index, arrow)];
    if (next instanceof SVGElement) next.focus();
  } else if (event.key === 'Enter' || event.key === ' ') {
    press();
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

/** Every cell of a scene, for the editor. */
export function allCells({ rows, columns, sprites }: Scene, brush: string): CellAction[] {
  const standing = new Map(sprites.map(({ row, column, name }) => [`${row},${column}`, name]));
  return Array.from({ length: rows * columns }, (_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const now = standing.get(`${row},${column}`) ?? 'empty';
    const label = `Row ${row + 1}, column ${column + 1}, ${now}: paint ${brush}`;
    return { row, column, label, enabled: true };
  });
}
