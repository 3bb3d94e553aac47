import { describe, expect, it } from 'vitest';
import type { Shape } from '../protocol';
import types from '../public/pkg/cpu/glassbox.d.ts?raw';
import { drawShape } from './shapes';

/** The shapes of the generated type, which only exist as a type otherwise. */
const union = /export type Shape = ([^;]+);/.exec(types)?.[1] ?? '';
const shapes = [...union.matchAll(/"(\w+)"/g)].map(([, name]) => name as Shape);

/** The text of a template and of all templates within it. */
function text(part: unknown): string {
  if (Array.isArray(part)) return part.map(text).join('');
  if (typeof part !== 'object' || part === null || !('strings' in part)) return String(part);
  const { strings, values } = part as { strings: string[]; values: unknown[] };
  return strings.map((string, index) => string + text(values[index] ?? '')).join('');
}

const drawn = (shape: Shape) => text(drawShape(shape, 'first', 10, 20, 30));

describe('every shape of a scene', () => {
  it('draws something, where and as large as asked', () => {
    expect(shapes.length).toBeGreaterThan(10);
    for (const shape of shapes) {
      expect(drawn(shape)).toContain('translate(10 20) scale(30)');
      expect(drawn(shape)).toMatch(/<(path|circle|rect) class=/);
      expect(drawn(shape)).toMatch(/\b(fp1|sp1)\b/);
      expect(drawn(shape)).not.toMatch(/undefined|NaN/);
    }
  });

  it('looks unlike all others', () => {
    expect(new Set(shapes.map(drawn)).size).toBe(shapes.length);
  });
});
