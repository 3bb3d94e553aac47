// The panels of a map in blocks: the many channels of one site under its name, the rest together.

import type { Panel } from '../protocol';

/** A panel with its name as drawn, and where its cells stand in their site. */
export interface Tile {
  panel: Panel;
  name: string;
  /** Flat index in its site of a cell's element; null where a cell is no single unit. */
  unitAt(cell: number): number | null;
}

export interface Block {
  /** The site that all tiles are channels of; empty where each tile has its own name. */
  heading: string;
  tiles: Tile[];
}

/** So many channels of one site stand under its name. */
const MANY = 4;
/** More channels than this go without names of their own, which pointing at them tells. */
const MOST_NAMED = 24;

export function blocksOf(panels: Panel[], shapeOf: (site: string) => number[]): Block[] {
  const counts = new Map<string, Panel[]>();
  for (const panel of panels) counts.set(panel.site, [...(counts.get(panel.site) ?? []), panel]);
  const blocks: Block[] = [];
  for (const [site, own] of counts) {
    const heading = own.length > MANY && isChannels(site, own) ? site : '';
    const units = unitsOf(own, shapeOf(site));
    const tiles = own.map((panel, index) => ({
      panel,
      name: nameOf(panel, heading, own.length),
      unitAt: units(index),
    }));
    const last = blocks.at(-1);
    if (heading === '' && last?.heading === '') last.tiles.push(...tiles);
    else blocks.push({ heading, tiles });
  }
  return blocks;
}

function isChannels(site: string, panels: Panel[]): boolean {
  return site !== '' && panels.every(({ name }) => name.startsWith(`${site} `));
}

function nameOf({ name }: Panel, heading: string, count: number): string {
  if (heading === '') return name;
  return count > MOST_NAMED ? '' : name.slice(heading.length + 1);
}

/**
 * What the cells of a site's panels are, by how many there are: its elements one by one, or the
 * indices of its first axis; else no units at all.
 */
function unitsOf(panels: Panel[], shape: number[]) {
  const starts: number[] = [];
  let count = 0;
  for (const { values } of panels) {
    starts.push(count);
    count += values.length;
  }
  const total = shape.reduce((product, len) => product * len, 1);
  const perCell = count === total ? 1 : count === shape[0] ? total / count : null;
  return (panel: number) => (cell: number) =>
    perCell === null || shape.length === 0 ? null : ((starts[panel] ?? 0) + cell) * perCell;
}
