import { describe, expect, it } from 'vitest';
import { crossings, orderOf, shortNames } from './graph_layout';

describe('the order of a graph', () => {
  it('undoes a crossing', () => {
    const columnOf = [0, 0, 1, 1];
    const links = [
      { from: 0, to: 3 },
      { from: 1, to: 2 },
    ];
    expect(
      crossings(
        [
          [0, 1],
          [2, 3],
        ],
        columnOf,
        links,
      ),
    ).toBe(1);
    expect(crossings(orderOf(columnOf, links, 2), columnOf, links)).toBe(0);
  });

  it('keeps every node once, and the given order where no edge says otherwise', () => {
    expect(orderOf([0, 1, 0, 2, 1], [], 3)).toEqual([[0, 2], [1, 4], [3]]);
    const links = [
      { from: 0, to: 4 },
      { from: 2, to: 1 },
      { from: 1, to: 3 },
    ];
    expect(orderOf([0, 1, 0, 2, 1], links, 3).flat().sort()).toEqual([0, 1, 2, 3, 4]);
  });

  it('counts an edge over several columns against those that it passes', () => {
    const columnOf = [0, 0, 1, 1, 2];
    // From the top of the first column to the last, under the one that goes down to the middle's foot.
    const links = [
      { from: 1, to: 4 },
      { from: 0, to: 3 },
    ];
    expect(crossings([[0, 1], [2, 3], [4]], columnOf, links)).toBe(1);
    expect(crossings([[0, 1], [3, 2], [4]], columnOf, links)).toBe(0);
  });
});

it('shortens names by what their column says', () => {
  expect(shortNames('blocks.0.post unit 17', 'blocks.0.post')).toEqual(['unit 17', '17']);
  expect(shortNames('blocks.0.post', 'blocks.0.post')).toEqual(['blocks.0.post']);
  expect(shortNames('obs mine, row 1, column 2', 'obs')).toEqual([
    'mine, row 1, column 2',
    'mine,1,2',
  ]);
  expect(shortNames('policy, square 4', 'policy')).toEqual(['square 4', '4']);
  expect(shortNames('input', 'obs')).toEqual(['input', 'input']);
});
