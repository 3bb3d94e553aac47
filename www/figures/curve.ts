// Curves in pixels: round ticks, thinning to pixel columns, paths.

export type Point = [x: number, y: number];

/** Round numbers over a domain, some `count` of them. */
export function ticks([low, high]: [number, number], count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough) + 1e-9);
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * (1 - 1e-9));
  if (!step) return [low];
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
}

/**
 * Thins points, ascending in x, to what can be seen: in each pixel column the first, the lowest,
 * the highest and the last, so that no peak is lost. Points that are not finite are left out.
 */
export function downsample(points: Point[]): Point[] {
  const out: Point[] = [];
  let column: Point[] = [];
  const flush = () => {
    if (column.length <= 4) out.push(...column);
    else out.push(...extremes(column));
    column = [];
  };
  for (const point of points) {
    if (!Number.isFinite(point[0]) || !Number.isFinite(point[1])) continue;
    const first = column[0];
    if (first && Math.floor(first[0]) !== Math.floor(point[0])) flush();
    column.push(point);
  }
  flush();
  return out;
}

function extremes(column: Point[]): Point[] {
  let lowest = 0;
  let highest = 0;
  column.forEach(([, y], index) => {
    if (y < (column[lowest]?.[1] ?? y)) lowest = index;
    if (y > (column[highest]?.[1] ?? y)) highest = index;
  });
  const kept = new Set([0, lowest, highest, column.length - 1]);
  return column.filter((_, index) => kept.has(index));
}

/** An SVG path through points, to a tenth of a pixel. */
export function path(points: Point[]): string {
  return points
    .map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join('');
}

/** Moves labels, given by their middle, apart to `gap` and keeps them between two bounds. */
export function spread(middles: number[], gap: number, low: number, high: number): number[] {
  const order = middles.map((_, index) => index).sort((a, b) => at(middles, a) - at(middles, b));
  const out = [...middles];
  let floor = low;
  for (const index of order) {
    out[index] = Math.max(at(out, index), floor);
    floor = at(out, index) + gap;
  }
  let ceiling = high;
  for (const index of order.reverse()) {
    out[index] = Math.min(at(out, index), ceiling);
    ceiling = at(out, index) - gap;
  }
  return out;
}

function at(values: number[], index: number): number {
  return values[index] ?? 0;
}
