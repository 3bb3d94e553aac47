// Where each element of a site is drawn: geometry is kept. Boards are drawn as boards, one a
// channel; a plain layer is a near-square block; actions stand where the scene has them.

import type { Axis, Scene, Site } from '../protocol';

/** A unit is an index of the first axis: a channel, a neuron, an action. */
export interface SiteLayout {
  kind: 'value' | 'tiles' | 'block';
  /** Size in CSS pixels. */
  width: number;
  height: number;
  /** Side of an element's square, without the gap after it. */
  side: number;
  /** Top left corner of each element, by flat index. */
  corners: readonly (readonly [number, number])[];
  numUnits: number;
  /** Elements of one unit. */
  perUnit: number;
  /** How many units stand side by side. */
  across: number;
}

/** The side that a drawing aims at, in pixels. */
const AIM = 92;
const LEAST_CELL = 3;
const TILE_GAP = 4;
/** So few tiles, such as the planes of an observation, stand side by side. */
const MOST_IN_A_ROW = 3;

function size(axes: Axis[]): number {
  return axes.reduce((product, { len }) => product * len, 1);
}

/** How many tiles to put side by side, so that the whole is as square as it can be. */
export function tilesAcross(tiles: number, rows: number, columns: number): number {
  if (tiles <= MOST_IN_A_ROW) return tiles;
  let best = tiles;
  let least = Infinity;
  for (let across = tiles; across >= 1; across -= 1) {
    const extent = Math.max(across * columns, Math.ceil(tiles / across) * rows);
    if (extent < least) [best, least] = [across, extent];
  }
  return best;
}

function cellSize(cells: number, gaps: number, least = LEAST_CELL): number {
  return Math.max(least, Math.floor((AIM - gaps * TILE_GAP) / cells));
}

/** The cells that a scene gives to actions, if each has one place of its own. */
function actionPlaces(scene: Scene, count: number): [number, number][] | null {
  const places = new Map<number, [number, number]>();
  const columns = new Map<number, number>();
  let several = false;
  for (const { action, row, column } of scene.targets) {
    several ||= places.has(action);
    places.set(action, [row, column]);
    columns.set(action, column);
  }
  if (places.size !== count) return null;
  if (several && new Set(columns.values()).size !== count) return null;
  return Array.from({ length: count }, (_, action) => {
    const [row, column] = places.get(action) ?? [0, 0];
    return several ? [0, column] : [row, column];
  });
}

export function layoutOf(site: Site, scene: Scene | null): SiteLayout {
  const { axes } = site;
  const total = size(axes);
  if (total === 1) return layoutValue();
  const last = axes.at(-1);
  if (axes.length === 1 && last) {
    const places = last.name === 'action' && scene ? actionPlaces(scene, total) : null;
    return layoutBlock(total, places);
  }
  const rows = axes.at(-2)?.len ?? 1;
  const columns = last?.len ?? 1;
  return layoutTiles(total, rows, columns, axes[0]?.len ?? 1);
}

function layoutValue(): SiteLayout {
  const corners = [[0, 0]] as const;
  return {
    kind: 'value',
    width: AIM,
    height: AIM,
    side: AIM,
    corners,
    numUnits: 1,
    perUnit: 1,
    across: 1,
  };
}

function layoutBlock(total: number, places: [number, number][] | null): SiteLayout {
  const across = Math.ceil(Math.sqrt(total));
  const at =
    places ?? Array.from({ length: total }, (_, i) => [Math.floor(i / across), i % across]);
  const rows = 1 + Math.max(...at.map(([row = 0]) => row));
  const columns = 1 + Math.max(...at.map(([, column = 0]) => column));
  const cell = cellSize(Math.max(rows, columns), 0);
  return {
    kind: 'block',
    width: columns * cell,
    height: rows * cell,
    side: cell - (cell > 4 ? 1 : 0),
    corners: at.map(([row = 0, column = 0]) => [column * cell, row * cell]),
    numUnits: total,
    perUnit: 1,
    across: columns,
  };
}

function layoutTiles(total: number, rows: number, columns: number, numUnits: number): SiteLayout {
  const perTile = rows * columns;
  const tiles = total / perTile;
  const across = tilesAcross(tiles, rows, columns);
  const down = Math.ceil(tiles / across);
  const cell = Math.min(cellSize(across * columns, across - 1), cellSize(down * rows, down - 1));
  const corners = Array.from({ length: total }, (_, index) => {
    const tile = Math.floor(index / perTile);
    const [row, column] = [Math.floor((index % perTile) / columns), index % columns];
    const left = (tile % across) * (columns * cell + TILE_GAP);
    const top = Math.floor(tile / across) * (rows * cell + TILE_GAP);
    return [left + column * cell, top + row * cell] as const;
  });
  return {
    kind: 'tiles',
    width: across * columns * cell + (across - 1) * TILE_GAP,
    height: down * rows * cell + (down - 1) * TILE_GAP,
    side: cell - (cell > 4 ? 1 : 0),
    corners,
    numUnits,
    perUnit: total / numUnits,
    across,
  };
}

/** The rectangle around a unit: left, top, width, height. */
export function unitBox(layout: SiteLayout, unit: number): [number, number, number, number] {
  const first = unit * layout.perUnit;
  const corners = layout.corners.slice(first, first + layout.perUnit);
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return [left, top, Math.max(...xs) + layout.side - left, Math.max(...ys) + layout.side - top];
}

/** The unit under a point, or the nearest one. */
export function unitAt(layout: SiteLayout, x: number, y: number): number | null {
  let best: number | null = null;
  let least = Infinity;
  layout.corners.forEach(([left, top], index) => {
    const dx = left + layout.side / 2 - x;
    const dy = top + layout.side / 2 - y;
    const distance = dx * dx + dy * dy;
    if (distance < least) [best, least] = [Math.floor(index / layout.perUnit), distance];
  });
  return best;
}

/** `16×3×3`, or `9 actions`. */
export function shapeText(site: Site): string {
  const [only] = site.axes;
  if (site.axes.length === 1 && only) {
    return only.len === 1 ? '1' : `${only.len} ${only.name}s`;
  }
  return site.axes.map(({ len }) => len).join('×') || '1';
}

/** A unit in words: `unit 11`, `channel 3`, or its label. */
export function unitText(site: Site, unit: number): string {
  const axis = site.axes[0];
  if (!axis || axis.len <= 1) return '';
  return axis.labels[unit] ?? `${axis.name} ${unit}`;
}

/** The end of an axis that holds a value: 1, 2, 5, 10, 20 and so on, so that it seldom moves. */
export function roundLimit(value: number): number {
  for (let power = 1; ; power *= 10) {
    const end = [1, 2, 5].find((digit) => Math.abs(value) <= digit * power);
    if (end !== undefined || !Number.isFinite(value)) return (end ?? 1) * power;
  }
}
