// Where the nodes of a graph in columns stand, so that few of its edges cross.

export interface Link {
  from: number;
  to: number;
}

/** Indices of the nodes of each column, in an order in which few edges cross. */
export function orderOf(columnOf: number[], links: Link[], numColumns: number): number[][] {
  const columns = Array.from({ length: numColumns }, (_, column) =>
    columnOf.flatMap((each, node) => (each === column ? [node] : [])),
  );
  const neighbours = columnOf.map((): number[] => []);
  for (const { from, to } of links) {
    neighbours[from]?.push(to);
    neighbours[to]?.push(from);
  }
  // The barycentre method of Sugiyama et al. 1981: to and fro, each node goes to the mean of its neighbours.
  let best = columns;
  let fewest = crossings(columns, columnOf, links);
  let now = columns;
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    now = swept(now, columnOf, neighbours, sweep % 2 === 0);
    const count = crossings(now, columnOf, links);
    if (count < fewest) [best, fewest] = [now, count];
  }
  return best;
}

const SWEEPS = 12;

/** Every column sorted by where its neighbours in the columns already passed stand. */
function swept(
  columns: number[][],
  columnOf: number[],
  neighbours: number[][],
  onwards: boolean,
): number[][] {
  const out = columns.map((column) => [...column]);
  const indices = out.map((_, index) => (onwards ? index : out.length - 1 - index));
  for (const index of indices) {
    const place = placesIn(out);
    const own = out[index] ?? [];
    const isPassed = (node: number) =>
      onwards ? (columnOf[node] ?? 0) < index : (columnOf[node] ?? 0) > index;
    const wanted = new Map(
      own.map((node) => {
        const passed = (neighbours[node] ?? []).filter(isPassed).map((each) => place[each] ?? 0);
        const mean = passed.reduce((sum, each) => sum + each, 0) / passed.length;
        return [node, passed.length > 0 ? mean : (place[node] ?? 0)];
      }),
    );
    own.sort((one, other) => (wanted.get(one) ?? 0) - (wanted.get(other) ?? 0));
  }
  return out;
}

/** Where each node stands in its column, from −½ to ½. */
function placesIn(columns: number[][]): number[] {
  const place: number[] = [];
  const most = Math.max(1, ...columns.map(({ length }) => length));
  for (const column of columns) {
    column.forEach((node, at) => {
      place[node] = (at - (column.length - 1) / 2) / most;
    });
  }
  return place;
}

/** Pairs of edges that cross, as straight lines between their columns. */
export function crossings(columns: number[][], columnOf: number[], links: Link[]): number {
  const place = placesIn(columns);
  const heightAt = ({ from, to }: Link, column: number) => {
    const [start, end] = [columnOf[from] ?? 0, columnOf[to] ?? 0];
    const share = (column - start) / (end - start || 1);
    return (place[from] ?? 0) * (1 - share) + (place[to] ?? 0) * share;
  };
  let count = 0;
  links.forEach((one, index) => {
    for (const other of links.slice(index + 1)) {
      const start = Math.max(columnOf[one.from] ?? 0, columnOf[other.from] ?? 0);
      const end = Math.min(columnOf[one.to] ?? 0, columnOf[other.to] ?? 0);
      if (start >= end) continue;
      const before = heightAt(one, start) - heightAt(other, start);
      const after = heightAt(one, end) - heightAt(other, end);
      if (before * after < -1e-9) count += 1;
    }
  });
  return count;
}

/**
 * What a node may be called in its column, in full and in short: a site need not be named twice, and its
 * places may go by their numbers.
 */
export function shortNames(name: string, column: string): string[] {
  const rest = name.startsWith(column) ? name.slice(column.length).replace(/^[\s.,:·]+/, '') : name;
  if (rest === '') return [name];
  const numbers = rest.split(', ').map((part) => part.replace(/^[a-z]+ (?=\d+$)/, ''));
  return [rest, numbers.join(',')];
}
