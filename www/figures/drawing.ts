// What every drawing is made of: marks in pixels, and places that can be pointed at.

import type { SVGTemplateResult } from 'lit';
import type { UnitRef } from '../store';

/** What a drawing may depend on beside its data. */
export interface Frame {
  /** Pixels across; a drawing is made for its width and never scaled. */
  width: number;
  /** Pixels down that a drawing aims at, so that figures side by side are of one height. */
  height: number;
  /** Pixels down that are in sight at once; none where the whole page is moved. */
  most?: number;
  /** The site that is held, whose name is drawn in the accent. */
  site: string | null;
  /** Lengths of a site's axes, outermost first; empty where there is no such site. */
  shapeOf(site: string): number[];
}

/** A place that answers to the pointer and the arrow keys. */
export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
  /** What stands there, with its value, for the line under the drawing. */
  text: string;
  /** The unit that a click selects. */
  unit: UnitRef | null;
}

export interface Drawing {
  height: number;
  marks: SVGTemplateResult | SVGElement;
  places: Place[];
  /** What stands out while a place is pointed at; the marks of the class `g-rest` step back. */
  focus?(place: number): SVGTemplateResult;
}

const LEAST_HEIGHT = 150;
/** What a figure has beside its drawing, down to the first lines of its caption. */
const AROUND_DRAWING = 175;

/** The most that a drawing may take of an area of some height, if its caption is to be in sight. */
export function mostFor(area: number): number {
  return Math.min(2000, Math.max(LEAST_HEIGHT, area - AROUND_DRAWING));
}

/** The height that goes with a width, in an area of some height that should not have to scroll. */
export function heightFor(width: number, area = Number.POSITIVE_INFINITY): number {
  const most = Math.min(260, mostFor(area));
  return Math.round(Math.min(most, Math.max(LEAST_HEIGHT, width * 0.35)));
}

const CODE_WIDTH = 0.602;
let ruler: CanvasRenderingContext2D | null | undefined;
let slack = 1;

/** Does `work` with so much more room for labels, which may be read in another font elsewhere. */
export function withSlack(share: number, work: () => void): void {
  slack = share;
  work();
  slack = 1;
}

/** Width of a label of 11 px in the interface font. */
export function textWidth(text: string, weight = 400): number {
  ruler ??= document.createElement('canvas').getContext('2d');
  if (!ruler) return text.length * 6.2;
  ruler.font = `${weight} 11px "Inter Variable", Inter, system-ui, sans-serif`;
  // Figures are tabular where they are drawn, each as wide as a nought.
  return ruler.measureText(text.replace(/\d/g, '0')).width * slack;
}

/** Width of a label of 10.5 px in the code font, which has one width for all. */
export function codeWidth(text: string): number {
  return text.length * 10.5 * CODE_WIDTH * slack;
}

/** The place under a point. */
export function placeAt(places: Place[], x: number, y: number): number {
  return places.findIndex(
    (place) =>
      x >= place.x && x < place.x + place.width && y >= place.y && y < place.y + place.height,
  );
}

/** The nearest place in the direction of an arrow key; the same one where there is none. */
export function neighbour(places: Place[], from: number, key: string): number {
  const start = places[from];
  if (!start) return places.length > 0 ? 0 : -1;
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1] }[key] ?? [0, 1];
  let best = from;
  let least = Number.POSITIVE_INFINITY;
  places.forEach((place, index) => {
    const x = place.x + place.width / 2 - start.x - start.width / 2;
    const y = place.y + place.height / 2 - start.y - start.height / 2;
    const ahead = x * (dx ?? 0) + y * (dy ?? 0);
    const aside = Math.abs(x * (dy ?? 0)) + Math.abs(y * (dx ?? 0));
    // Straight ahead comes first; a place to the side counts as further away.
    const distance = ahead + 4 * aside;
    if (ahead > 0.5 && distance < least) {
      least = distance;
      best = index;
    }
  });
  return best;
}
