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
 * Thins points, ascending in x, to what can be seen: the lowest and the highest of each pixel
 * column, and the last of all, so that no peak is lost. Points that are not finite are left out.
 */
export function downsample(points: Point[]): Point[] {
  const out: Point[] = [];
  let column = Number.NaN;
  let low: Point | null = null;
  let high: Point | null = null;
  let last: Point | null = null;
  const flush = () => {
    if (low === null || high === null) return;
    if (low === high) out.push(low);
    else out.push(...(low[0] <= high[0] ? [low, high] : [high, low]));
  };
  for (const point of points) {
    const [x, y] = point;
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    if (Math.floor(x) !== column) {
      flush();
      column = Math.floor(x);
      low = point;
      high = point;
    } else {
      if (low === null || y < low[1]) low = point;
      if (high === null || y > high[1]) high = point;
    }
    last = point;
  }
  flush();
  if (last !== null && out.at(-1) !== last) out.push(last);
  return out;
}

/** An SVG path through points, to a tenth of a pixel. */
export function path(points: Point[]): string {
  let out = '';
  for (const [x, y] of points)
    out += `${out === '' ? 'M' : 'L'}${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;
  return out;
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
