import { describe, expect, it } from 'vitest';
import { type Branch, lineTo, rowsOf, shownOf } from './tree_layout';

function branch(parent: number | null, visits: number, chosen = false): Branch {
  return { parent, name: `move ${visits}`, visits, value: null, prior: null, chosen };
}

const TREE: Branch[] = [
  branch(null, 10, true),
  branch(0, 3),
  branch(0, 6),
  branch(0, 1, true),
  branch(2, 4),
  branch(2, 1),
  branch(4, 2),
];

describe('the nodes on show', () => {
  it('are all of a small tree, the most visited of siblings first', () => {
    expect(shownOf(TREE, 60).map(({ node, depth }) => [node, depth])).toEqual([
      [0, 0],
      [2, 1],
      [4, 2],
      [6, 3],
      [5, 2],
      [1, 1],
      [3, 1],
    ]);
  });

  it('are the line that is played and the most visited; the rest is counted', () => {
    expect(shownOf(TREE, 4)).toEqual([
      { node: 0, parent: -1, depth: 0, folded: 1 },
      { node: 2, parent: 0, depth: 1, folded: 1 },
      { node: 4, parent: 1, depth: 2, folded: 1 },
      { node: 3, parent: 0, depth: 1, folded: 0 },
    ]);
  });

  it('count every node once, shown or folded', () => {
    for (const most of [1, 2, 3, 5, 7]) {
      const shown = shownOf(TREE, most);
      const count = shown.reduce((sum, { folded }) => sum + 1 + folded, 0);
      expect(count).toBe(TREE.length);
    }
  });
});

it('puts parents between their children', () => {
  expect(rowsOf(shownOf(TREE, 60))).toEqual([1.75, 0.5, 0, 0, 1, 2, 3]);
});

it('tells the line that leads to a node', () => {
  expect(lineTo(TREE, 6)).toBe('move 6, move 4, move 2');
  expect(lineTo(TREE, 0)).toBe('move 10');
});
