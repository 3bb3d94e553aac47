// A state with a number on each action.

import { svg } from 'lit';
import { colourOf } from '../colour';
import {
  describe,
  drawScene,
  isColumnwise,
  type Frame as SceneFrame,
  shownTargets,
} from '../components/scene';
import { formatNumber } from '../format';
import type { Body } from '../protocol';
import type { Drawing, Frame, Place } from './drawing';

type Board = Extract<Body, { type: 'board' }>;

const MARGIN = 18;
const MINIMUM = 156;
/** The least width of a cell, for the number that stands in it. */
const LEAST_CELL = 22;
/** A cell narrower than this has room for two digits. */
const THREE_DIGITS = 30;

export function drawBoard(body: Board, frame: Frame): Drawing {
  const { scene } = body;
  const margin = isColumnwise(scene) ? MARGIN : 0;
  const room = ((frame.height - 2 * margin) / scene.rows) * scene.columns;
  const width = Math.round(
    Math.min(frame.width, Math.max(room, MINIMUM, scene.columns * LEAST_CELL)),
  );
  const height = (width / scene.columns) * scene.rows + 2 * margin;
  const drawn = drawScene(scene, {
    label: describe(scene),
    width,
    margin,
    over: (at) => drawValues(body, at),
  });
  return {
    height,
    marks: svg`<svg width=${width} height=${height}>${drawn}</svg>`,
    places: placesOf(body, width / scene.columns, margin),
  };
}

/** A disc on each action's cell: colour and size for its value, which stands below it. */
function drawValues({ scene, values, colour }: Board, at: SceneFrame) {
  const columnwise = isColumnwise(scene);
  return shownTargets(scene).map(({ action, row, column }) => {
    const value = values[action];
    if (value == null) return svg``;
    const [x, y] = [at.x(column), at.y(row)];
    const share = Math.min(1, Math.abs(value) / (colour.limit || 1));
    const radius = Math.max(2, Math.sqrt(share) * at.cell * 0.24);
    const below = columnwise ? at.cell * scene.rows + 14 : y + at.cell * 0.44;
    return svg`<circle cx=${x} cy=${columnwise ? y : y - at.cell * 0.08} r=${radius} fill=${colourOf(colour, value)}></circle>
      <text class="t2 mid g-halo" x=${x} y=${below}>${formatNumber(rounded(value, colour.limit, at.cell))}</text>`;
  });
}

/** To a thousandth of the scale, or a hundredth where there is no room for more; pointing tells the rest. */
function rounded(value: number, limit: number, cell: number): number {
  const digits = cell < THREE_DIGITS ? 2 : 3;
  const unit = 10 ** (Math.floor(Math.log10(limit || 1)) - digits);
  return Number((Math.round(value / unit) * unit).toPrecision(6));
}

function placesOf({ scene, values, colour }: Board, cell: number, margin: number): Place[] {
  return scene.targets.map(({ action, row, column }) => {
    const value = values[action];
    return {
      x: column * cell,
      y: row * cell + margin,
      width: cell,
      height: cell,
      text: `${colour.name}, action ${action}: ${value == null ? 'none' : formatNumber(value)}`,
      unit: null,
    };
  });
}
