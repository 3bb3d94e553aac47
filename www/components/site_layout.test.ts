import { describe, expect, it } from 'vitest';
import type { Axis, Scene, Site, Target } from '../protocol';
import {
  layoutOf,
  roundLimit,
  shapeText,
  tilesAcross,
  unitAt,
  unitBox,
  unitText,
} from './site_layout';

const axis = (name: string, len: number, labels: string[] = []): Axis => ({ name, len, labels });
const site = (...axes: Axis[]): Site => ({ name: 'some.site', axes, stage: 'analysis' });
const target = (action: number, row: number, column: number): Target => ({
  action,
  row,
  column,
  legal: true,
  shown: true,
});
const scene = (targets: Target[]) => ({ targets }) as Scene;

describe('layout of a site', () => {
  it('keeps the geometry of boards, one a channel', () => {
    const layout = layoutOf(site(axis('channel', 16), axis('row', 3), axis('column', 3)), null);
    expect([layout.kind, layout.numUnits, layout.perUnit, layout.across]).toEqual([
      'tiles',
      16,
      9,
      4,
    ]);
    const [first, , , below] = layout.corners;
    expect(below?.[0]).toBe(first?.[0]);
    expect(below?.[1]).toBeGreaterThan(first?.[1] ?? 0);
  });

  it('makes a plain layer a near-square block', () => {
    const layout = layoutOf(site(axis('unit', 256)), null);
    expect([layout.kind, layout.across, layout.numUnits]).toEqual(['block', 16, 256]);
    expect(layout.width).toBe(layout.height);
  });

  it('puts actions where the scene has them', () => {
    const four = [target(0, 1, 1), target(1, 1, 0), target(2, 0, 1), target(3, 0, 0)];
    const layout = layoutOf(site(axis('action', 4)), scene(four));
    expect(layout.corners[3]).toEqual([0, 0]);
    expect(layout.corners[0]?.[0]).toBe(layout.corners[2]?.[0]);
  });

  it('puts actions that own a column in one row', () => {
    const columns = [0, 1, 2].flatMap((column) => [
      target(column, 0, column),
      target(column, 1, column),
    ]);
    const layout = layoutOf(site(axis('action', 3)), scene(columns));
    expect(layout.corners.map(([, y]) => y)).toEqual([0, 0, 0]);
  });

  it('draws a single number as a bar', () => {
    expect(layoutOf(site(axis('value', 1)), null).kind).toBe('value');
  });

  it('finds the unit under each unit, whatever the site', () => {
    for (const each of [
      site(axis('channel', 7), axis('row', 6), axis('column', 7)),
      site(axis('unit', 60)),
    ]) {
      const layout = layoutOf(each, null);
      for (let unit = 0; unit < layout.numUnits; unit += 1) {
        const [left, top, width, height] = unitBox(layout, unit);
        const found = unitAt(layout, left + width / 2, top + height / 2);
        expect(found).toBe(unit);
      }
    }
  });
});

describe('words', () => {
  it('names shapes and units', () => {
    const plane = site(axis('plane', 2, ['mine', 'theirs']), axis('row', 3), axis('column', 3));
    expect(shapeText(plane)).toBe('2×3×3');
    expect(unitText(plane, 1)).toBe('theirs');
    expect(shapeText(site(axis('unit', 64)))).toBe('64 units');
    expect(unitText(site(axis('unit', 64)), 5)).toBe('unit 5');
    expect(unitText(site(axis('value', 1)), 0)).toBe('');
  });

  it('makes as square a whole as it can', () => {
    expect(tilesAcross(16, 3, 3)).toBe(4);
    expect(tilesAcross(2, 6, 7)).toBe(2);
  });
});

describe('the axis of a value', () => {
  it('ends at a round number no smaller than the value', () => {
    expect([0, 0.4, 1, 1.1, -4, 17, -22.6, 340].map(roundLimit)).toEqual([
      1, 1, 1, 2, 5, 20, 50, 500,
    ]);
  });

  it('ends somewhere even where there is no number', () => {
    expect(roundLimit(Number.POSITIVE_INFINITY)).toBe(1);
    expect(roundLimit(Number.NaN)).toBe(1);
  });
});
