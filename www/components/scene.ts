// Draws any Scene as SVG: the grid, what stands on it, and what an agent makes of its actions.

import { html, nothing, type SVGTemplateResult, svg, type TemplateResult } from 'lit';
import { diverging } from '../colour';
import type { Decision, Scene, Sprite, Stroke, Target } from '../protocol';
import type { Trail } from '../trail';
import { drawShape, isGround, strokeOf } from './shapes';

const LONGEST_SHORT_NAME = 5;
/** The smallest cell with room for words in it. */
const SMALLEST_LABELLED = 40;

/** Width of a drawing in its own units; text of 11 units is 11 px at this width. */
const WIDTH = 276;

export interface SceneOptions {
  label: string;
  width?: number;
  /** Cells to outline as different from the other board. */
  differing?: ReadonlySet<string>;
  /** Drawn above everything: the agent's view of the actions, hit areas. */
  over?: (frame: Frame) => unknown;
  /** Drawn above the margin: text above and below the columns. */
  margin?: number;
  /** Paths in cells, drawn under what stands; the rest of each is still to be walked. */
  trails?: readonly Trail[];
  /** A cell whose sprite is being carried elsewhere. */
  lifted?: string | null;
}

/** Where cells are. */
export interface Frame {
  cell: number;
  x(column: number): number;
  y(row: number): number;
}

export function cellKey(cell: { row: number; column: number }): string {
  return `${cell.row},${cell.column}`;
}

export function frameOf(scene: Scene, width = WIDTH): Frame {
  const cell = width / scene.columns;
  return { cell, x: (column) => (column + 0.5) * cell, y: (row) => (row + 0.5) * cell };
}

function drawGrid(scene: Scene, { cell }: Frame): SVGTemplateResult | SVGTemplateResult[] {
  const { rows, columns } = scene;
  const places = Array.from({ length: rows * columns }, (_, index) => ({
    row: Math.floor(index / columns),
    column: index % columns,
  }));
  const gap = Math.min(1, cell * 0.035);
  switch (scene.grid) {
    case 'lines': {
      const across = Array.from(
        { length: rows - 1 },
        (_, i) => `M0 ${(i + 1) * cell}H${columns * cell}`,
      );
      const down = Array.from(
        { length: columns - 1 },
        (_, i) => `M${(i + 1) * cell} 0V${rows * cell}`,
      );
      return svg`<path d=${[...across, ...down].join('')} class="sk3" />`;
    }
    case 'holes':
      return svg`<rect width=${columns * cell} height=${rows * cell} rx=${cell * 0.2} class="fpress" />
        ${places.map(
          ({ row, column }) =>
            svg`<circle cx=${(column + 0.5) * cell} cy=${(row + 0.5) * cell} r=${cell * 0.42} class="fpaper" />`,
        )}`;
    case 'plain':
      return [];
    case 'tiles':
      return places.map(
        ({ row, column }) =>
          svg`<rect x=${column * cell + gap} y=${row * cell + gap} width=${cell - 2 * gap} height=${cell - 2 * gap} rx=${2 * gap} class="fsunk" />`,
      );
  }
}

function drawSprite(sprite: Sprite, frame: Frame, decided: boolean, lifted: boolean) {
  const faded = lifted || (decided && !sprite.emphasis);
  return svg`<g class=${faded ? 'faded' : ''}>
    ${drawShape(sprite.shape, sprite.role, frame.x(sprite.column), frame.y(sprite.row), frame.cell)}
  </g>`;
}

/** A line; over a thing it has an edge, or it would be lost on it. */
function drawStroke({ points, role, width }: Stroke, { cell }: Frame, things: Sprite[]) {
  const path = `M${points.map(([column, row]) => `${column * cell} ${row * cell}`).join('L')}`;
  const isOver = ({ row, column }: Sprite) =>
    points.some(([x, y]) => Math.floor(x) === column && Math.floor(y) === row);
  const edge = things.some(isOver)
    ? svg`<path class="cut" stroke-width=${2.4 * width * cell} stroke-linecap="round" d=${path} />`
    : nothing;
  return svg`${edge}<path class=${strokeOf(role)} stroke-width=${width * cell} d=${path} />`;
}

function drawDifference({ row, column }: Sprite, { cell, x, y }: Frame) {
  const side = cell * 0.72;
  return svg`<rect x=${x(column) - side / 2} y=${y(row) - side / 2}
    width=${side} height=${side} rx=${cell * 0.1} class="sacc dash" />`;
}

/** A thin line through the cells that were walked; what lies ahead of the board on show is fainter. */
function drawTrail({ cells, upTo, role }: Trail, { cell, x, y }: Frame) {
  const path = (part: typeof cells) => part.map(({ row, column }) => `${x(column)} ${y(row)}`);
  const line = (part: typeof cells, kind: string) =>
    part.length < 2
      ? nothing
      : svg`<path class="${strokeOf(role)} trail ${kind}" stroke-width=${Math.max(1.5, cell * 0.08)}
          d="M${path(part).join('L')}" />`;
  const [start] = cells;
  return [
    line(cells.slice(upTo), 'ahead'),
    line(cells.slice(0, upTo + 1), ''),
    start &&
      svg`<circle class="${strokeOf(role)} trail" stroke-width=${Math.max(1, cell * 0.05)}
      cx=${x(start.column)} cy=${y(start.row)} r=${cell * 0.13} />`,
  ];
}

/** The scene as one SVG. */
export function drawScene(scene: Scene, options: SceneOptions): TemplateResult {
  const width = options.width ?? WIDTH;
  const margin = options.margin ?? 0;
  const frame = frameOf(scene, width);
  const height = frame.cell * scene.rows;
  const decided = scene.sprites.some(({ emphasis }) => emphasis);
  const ground = scene.sprites.filter(({ shape }) => isGround(shape));
  const things = scene.sprites.filter(({ shape }) => !isGround(shape));
  const drawn = (sprites: Sprite[]) =>
    sprites.map((sprite) =>
      drawSprite(
        sprite,
        frame,
        decided,
        cellKey(sprite) === options.lifted && !isGround(sprite.shape),
      ),
    );
  return html`<svg
    viewBox="0 ${-margin} ${width} ${height + 2 * margin}"
    role=${options.over ? 'group' : 'img'}
    aria-label=${options.label}
  >
    ${drawGrid(scene, frame)}
    ${drawn(ground)} ${options.trails?.map((trail) => drawTrail(trail, frame)) ?? nothing}
    ${drawn(things)}
    ${scene.strokes.map((stroke) => drawStroke(stroke, frame, things))}
    ${scene.sprites
      .filter((sprite) => options.differing?.has(cellKey(sprite)))
      .map((sprite) => drawDifference(sprite, frame))}
    ${options.over?.(frame) ?? nothing}
  </svg>`;
}

/** The cells on which two scenes differ. */
export function differingCells(one: Scene, other: Scene): Set<string> {
  const what = ({ sprites }: Scene) =>
    new Map(sprites.map((sprite) => [cellKey(sprite), `${sprite.shape} ${sprite.role}`]));
  const [first, second] = [what(one), what(other)];
  const keys = new Set([...first.keys(), ...second.keys()]);
  return new Set([...keys].filter((key) => first.get(key) !== second.get(key)));
}

/** What stands on the scene, in words. */
export function describe(scene: Scene): string {
  // Walls are many, and part of the grid.
  const standing = scene.sprites.filter(({ shape }) => shape !== 'wall');
  const sprites = standing.map(
    ({ name, row, column }) => `${name} at row ${row + 1}, column ${column + 1}`,
  );
  const things = [...sprites, ...scene.strokes.map(({ name }) => name)];
  return `${scene.status}. ${things.join('; ') || 'Empty'}.`;
}

/** The cells on which actions are drawn. */
export function shownTargets({ targets }: Scene): Target[] {
  return targets.filter(({ shown, legal }) => shown && legal);
}

/** Whether each action has a column of its own: its numbers then stand outside the grid. */
export function isColumnwise({ targets, columns }: Scene): boolean {
  const columnOf = new Map<number, number>();
  for (const { action, column } of targets) {
    if ((columnOf.get(action) ?? column) !== column) return false;
    columnOf.set(action, column);
  }
  return columnOf.size === columns && new Set(columnOf.values()).size === columns;
}

/** What the agent makes of each action: ring for the prior, disc for visits, colour for value. */
export function drawDecision(
  scene: Scene,
  frame: Frame,
  network: Decision,
  search: Decision | null,
  actions: string[],
): SVGTemplateResult[] {
  const columnwise = isColumnwise(scene);
  const chosen = (search ?? network).action;
  const bottom = frame.cell * scene.rows;
  return shownTargets(scene).map(({ action, row, column }) => {
    const [x, y, c] = [frame.x(column), frame.y(row), frame.cell];
    const prior = network.policy[action] ?? 0;
    const visits = search?.visits[action] ?? 0;
    const share = search ? visits / Math.max(1, search.simulations) : prior;
    const q = search?.q[action];
    const fill = search ? diverging(q ?? 0, 1) : 'var(--ink-3)';
    const number = search ? String(visits) : percent(prior);
    const name = shortName(actions, action);
    const text = columnwise
      ? svg`<text x=${x} y="-6" class=${action === chosen ? 'tb mid' : 't mid'}>${name}</text>
          <text x=${x} y=${bottom + 15} class=${action === chosen ? 'tb mid' : 't2 mid'}>${number}</text>`
      : c < SMALLEST_LABELLED
        ? nothing
        : svg`<text x=${x - c * 0.43} y=${y - c * 0.3} class="t">${name}</text>
          <text x=${x} y=${y + c * 0.42} class="t2 mid">${number}</text>`;
    const side = c * 0.93;
    return svg`<g pointer-events="none">
      <circle cx=${x} cy=${y} r=${Math.sqrt(share) * c * 0.29} class="disc" style="fill:${fill}" />
      ${search ? svg`<circle cx=${x} cy=${y} r=${Math.max(c * 0.045, Math.sqrt(prior) * c * 0.33)} class="sk3" />` : nothing}
      ${
        action === chosen
          ? svg`<rect x=${x - side / 2} y=${y - side / 2} width=${side} height=${side} rx="4" class="ringi" />`
          : nothing
      }
      ${text}
    </g>`;
  });
}

/** An action where there is little room: its name, or its number where that is long. */
export function shortName(actions: string[], action: number): string {
  const name = actions[action];
  return name !== undefined && name.length <= LONGEST_SHORT_NAME ? name : String(action);
}

export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
