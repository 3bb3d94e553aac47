import { describe, expect, it } from 'vitest';
import type { Panel } from '../protocol';
import { blocksOf } from './map_tiles';

const panel = (name: string, site: string, count: number): Panel => ({
  name,
  site,
  rows: 1,
  columns: count,
  values: Array.from({ length: count }, () => 0),
  labels: [],
});

const SHAPES: Record<string, number[]> = { obs: [2, 3, 3], stem: [8, 3, 3], hidden: [16] };
const shapeOf = (site: string) => SHAPES[site] ?? [];

describe('blocksOf', () => {
  it('puts the channels of one site under its name, and the rest together', () => {
    const stem = Array.from({ length: 8 }, (_, channel) => panel(`stem ${channel}`, 'stem', 9));
    const panels = [panel('obs mine', 'obs', 9), panel('obs theirs', 'obs', 9), ...stem];
    const blocks = blocksOf([...panels, panel('hidden', 'hidden', 16)], shapeOf);
    expect(blocks.map(({ heading, tiles }) => [heading, tiles.map(({ name }) => name)])).toEqual([
      ['', ['obs mine', 'obs theirs']],
      ['stem', ['0', '1', '2', '3', '4', '5', '6', '7']],
      ['', ['hidden']],
    ]);
  });

  it('knows the element behind each cell when all elements are there', () => {
    const [block] = blocksOf([panel('obs mine', 'obs', 9), panel('obs theirs', 'obs', 9)], shapeOf);
    expect(block?.tiles[1]?.unitAt(4)).toBe(13);
  });

  it('takes one cell a channel as its channels', () => {
    const [block] = blocksOf([panel('stem', 'stem', 8)], shapeOf);
    expect(block?.tiles[0]?.unitAt(3)).toBe(27);
  });

  it('takes cells that are no units as none', () => {
    const [block] = blocksOf([panel('stem', 'stem', 9)], shapeOf);
    expect(block?.tiles[0]?.unitAt(3)).toBeNull();
    expect(blocksOf([panel('other', 'other', 1)], shapeOf)[0]?.tiles[0]?.unitAt(0)).toBeNull();
  });
});
