// Which nodes of a tree are shown, and where: most of them are visited once and tell nothing.

import type { Body } from '../protocol';

export type Branch = Extract<Body, { type: 'tree' }>['nodes'][number];

/** A node on show. */
export interface Shown {
  /** Index in the figure. */
  node: number;
  /** Place of its parent among those on show; −1 for the root. */
  parent: number;
  depth: number;
  /** Nodes that are folded into it: its children that are not on show, with all below them. */
  folded: number;
}

/** The root, the line that is played, and then the most visited, in order, each under its parent. */
export function shownOf(nodes: Branch[], most: number): Shown[] {
  const children = nodes.map((): number[] => []);
  nodes.forEach(({ parent }, index) => {
    if (parent != null) children[parent]?.push(index);
  });
  const rank = (index: number) => (nodes[index]?.chosen ? Infinity : (nodes[index]?.visits ?? 0));
  const shown = new Set<number>();
  const open = nodes.length > 0 ? [0] : [];
  while (open.length > 0 && shown.size < most) {
    const best = open.reduce((one, other) => (rank(other) > rank(one) ? other : one));
    open.splice(open.indexOf(best), 1);
    shown.add(best);
    open.push(...(children[best] ?? []));
  }
  const out: Shown[] = [];
  const walk = (node: number, parent: number, depth: number) => {
    const place = out.length;
    const own = [...(children[node] ?? [])].sort(
      (one, other) => (nodes[other]?.visits ?? 0) - (nodes[one]?.visits ?? 0),
    );
    const hidden = own.filter((child) => !shown.has(child));
    const folded = hidden.reduce((sum, child) => sum + sizeOf(children, child), 0);
    out.push({ node, parent, depth, folded });
    for (const child of own) if (shown.has(child)) walk(child, place, depth + 1);
  };
  if (nodes.length > 0) walk(0, -1, 0);
  return out;
}

function sizeOf(children: number[][], node: number): number {
  return (children[node] ?? []).reduce((sum, child) => sum + sizeOf(children, child), 1);
}

/**
 * Rows of a tree from left to right: a leaf has one of its own, and a parent stands half way between its
 * first and last child.
 */
export function rowsOf(shown: Shown[]): number[] {
  const rows: number[] = shown.map(() => 0);
  const children = shown.map((_, index) =>
    shown.flatMap(({ parent }, child) => (parent === index ? [child] : [])),
  );
  let next = 0;
  shown.forEach((_, index) => {
    if (children[index]?.length === 0) {
      rows[index] = next;
      next += 1;
    }
  });
  for (let index = shown.length - 1; index >= 0; index -= 1) {
    const own = children[index] ?? [];
    const [first, last] = [own[0], own.at(-1)];
    if (first !== undefined && last !== undefined)
      rows[index] = ((rows[first] ?? 0) + (rows[last] ?? 0)) / 2;
  }
  return rows;
}

/** The choices from the root to a node, in words. */
export function lineTo(nodes: Branch[], index: number): string {
  const names: string[] = [];
  for (let at: number | null | undefined = index; at != null; at = nodes[at]?.parent) {
    if (at !== 0 || index === 0) names.push(nodes[at]?.name ?? '');
  }
  return names.reverse().join(', ');
}
