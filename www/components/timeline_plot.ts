// The timeline's drawing: a lane an axis, all over the one axis of updates.

import { nothing, type SVGTemplateResult, svg } from 'lit';
import { downsample, path, ticks } from '../figures/curve';
import { textWidth } from '../figures/drawing';
import { formatNumber } from '../format';
import { type Lane, type Milestone, valueAt } from '../lanes';

export interface PlotState {
  width: number;
  height: number;
  lanes: Lane[];
  /** Newest update, and the budget. */
  update: number;
  updates: number;
  checkpoints: number[];
  collapses: number[];
  /** The update on show, and the one that is pointed at. */
  shown: number;
  hovered: number | null;
}

/** Where updates stand in pixels. */
export interface UpdateAxis {
  left: number;
  right: number;
  x(update: number): number;
  /** The update at a pixel, within the budget. */
  at(x: number): number;
}

const LEFT = 40;
const GUTTER = 168;
const NARROW = 620;
const BELOW = 36;
const LINE = 14;
const FLAG = 16;

export function axisOf({ width, updates }: { width: number; updates: number }): UpdateAxis {
  const left = LEFT;
  const right = Math.max(left + 40, width - (width < NARROW ? 12 : GUTTER));
  const span = Math.max(1, updates);
  return {
    left,
    right,
    x: (update) => left + (update / span) * (right - left),
    at: (x) => Math.min(span, Math.max(0, ((x - left) / (right - left)) * span)),
  };
}

export function drawTimeline(state: PlotState): SVGTemplateResult {
  const axis = axisOf(state);
  const bottom = state.height - BELOW;
  const narrow = state.width < NARROW;
  const slot = bottom / Math.max(1, state.lanes.length);
  const live = axis.x(state.update);
  return svg`
    <rect x=${live} y="0" width=${Math.max(0, axis.right - live)} height=${bottom} class="fsunk"></rect>
    ${drawAxis(state, axis, bottom)} ${drawHandle(state, axis, bottom)}
    ${state.lanes.map((lane, index) => {
      const top = index * slot + (narrow ? LINE + 4 : 6);
      return drawLane(lane, state, axis, top, (index + 1) * slot - 10, narrow);
    })}
    ${drawCollapses(state.collapses, axis, bottom)}
  `;
}

function drawLane(
  lane: Lane,
  state: PlotState,
  axis: UpdateAxis,
  top: number,
  bottom: number,
  narrow: boolean,
): SVGTemplateResult {
  const [low, high] = lane.domain;
  const y = (value: number) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const isEmpty = lane.curves.every(({ points }) => points.length === 0);
  const curves = lane.curves.map(({ points }, index) => {
    const pixels = points.map(([update, value]): [number, number] => [axis.x(update), y(value)]);
    return svg`<path d=${path(downsample(pixels))} class="curve c${index % 4}"></path>`;
  });
  return svg`
    <path d="M${axis.left} ${y(Math.max(0, low))}H${axis.right}" class="grid"></path>
    <text x=${axis.left - 6} y=${top + 5} class="t end">${isEmpty ? nothing : formatNumber(high)}</text>
    <text x=${axis.left - 6} y=${y(Math.max(0, low)) + 4} class="t end">0</text>
    ${curves.reverse()} ${lane.milestones.map((each, index) => drawFlag(each, axis, top + index * (FLAG + 2), y(0)))}
    ${narrow ? keyAbove(lane, state, axis, top - 7) : keyBeside(lane, state, axis, top, bottom)}
  `;
}

function drawFlag(
  { update, text }: Milestone,
  axis: UpdateAxis,
  top: number,
  bottom: number,
): SVGTemplateResult {
  const x = axis.x(update);
  const width = textWidth(text, 560) + 14;
  const left = x + width > axis.right ? x - width : x;
  return svg`<g class="flag">
    <path d="M${x} ${top}V${bottom}"></path>
    <rect x=${left} y=${top} width=${width} height=${FLAG}></rect>
    <text x=${left + 7} y=${top + 12}>${text}</text>
  </g>`;
}

const COLLAPSE = 'collapse';

/** A line where each collapse was noticed; a word on it unless one stands there already. */
function drawCollapses(collapses: number[], axis: UpdateAxis, bottom: number): SVGTemplateResult[] {
  const width = textWidth(COLLAPSE, 560) + 10;
  let free = Number.NEGATIVE_INFINITY;
  return collapses.map((update) => {
    const x = axis.x(update);
    const left = x + width > axis.right ? x - width : x;
    const isFree = left >= free;
    if (isFree) free = left + width;
    return svg`<g class="fell">
      <path d="M${x} 0V${bottom}"></path>
      ${
        isFree
          ? svg`<rect x=${left} y=${bottom - FLAG} width=${width} height=${FLAG}></rect>
            <text x=${left + 5} y=${bottom - 4}>${COLLAPSE}</text>`
          : nothing
      }
    </g>`;
  });
}

/** Names and values on the right of a lane, one a line. */
function keyBeside(lane: Lane, state: PlotState, axis: UpdateAxis, top: number, bottom: number) {
  const from = (top + bottom) / 2 - ((lane.curves.length - 1) * LINE) / 2 + 4;
  return lane.curves.map(({ name, points }, index) => {
    const y = from + index * LINE;
    return svg`<path d="M${axis.right + 10} ${y - 4}h14" class="curve c${index % 4}"></path>
      <text x=${axis.right + 30} y=${y} class=${index === 0 ? 'tb' : 't2'}>${name} ${valueText(points, state)}</text>`;
  });
}

/** The same in one line above a lane, where the window is narrow. */
function keyAbove(lane: Lane, state: PlotState, axis: UpdateAxis, y: number) {
  let x = axis.left;
  return lane.curves.map(({ name, points }, index) => {
    const text = `${name} ${valueText(points, state)}`;
    const at = x;
    x += textWidth(text, 560) + 36;
    return svg`<path d="M${at} ${y - 4}h14" class="curve c${index % 4}"></path>
      <text x=${at + 20} y=${y} class=${index === 0 ? 'tb' : 't2'}>${text}</text>`;
  });
}

function valueText(points: [number, number][], { hovered, shown }: PlotState): string {
  const value = valueAt(points, hovered ?? shown);
  return value === null ? '' : formatNumber(value);
}

function drawAxis(state: PlotState, axis: UpdateAxis, bottom: number): SVGTemplateResult {
  const count = Math.max(2, Math.floor((axis.right - axis.left) / 72));
  return svg`
    <path d="M${axis.left} ${bottom}H${axis.right}" class="grid"></path>
    ${thinned(state.checkpoints, axis).map(
      (update) => svg`<circle cx=${axis.x(update)} cy=${bottom} r="1.8" class="fink3"></circle>`,
    )}
    ${ticks([0, state.updates], count).map(
      (update) =>
        svg`<text x=${axis.x(update)} y=${bottom + 22} class="t mid">${formatNumber(update)}</text>`,
    )}
  `;
}

/** Checkpoints that stand at least three pixels apart. */
function thinned(checkpoints: number[], axis: UpdateAxis): number[] {
  let last = Number.NEGATIVE_INFINITY;
  return checkpoints.filter((update) => {
    const x = axis.x(update);
    if (x - last < 3) return false;
    last = x;
    return true;
  });
}

function drawHandle(state: PlotState, axis: UpdateAxis, bottom: number): SVGTemplateResult {
  const x = axis.x(state.shown);
  const over = state.hovered === null ? null : axis.x(state.hovered);
  return svg`
    ${over === null ? nothing : svg`<path d="M${over} 0V${bottom}" class="g-guide"></path>`}
    <path d="M${x} 0V${bottom}" class="sacc"></path>
    <circle cx=${x} cy=${bottom} r="6" class="facc"></circle>
    <circle cx=${x} cy=${bottom} r="2.2" class="fsurf"></circle>
  `;
}
