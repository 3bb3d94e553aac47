// A drawing for each shape that a scene can hold, in cells around (0, 0). Each is told by its outline
// alone, so that nothing hangs on colour.

import { type SVGTemplateResult, svg } from 'lit';
import type { Role, Shape } from '../protocol';

const STROKES: Record<Role, string> = { first: 'sp1', second: 'sp2', neutral: 'sn' };
const FILLS: Record<Role, string> = { first: 'fp1', second: 'fp2', neutral: 'fwall' };
/** Of things that stand somewhere: darker than the walls around them. */
const THINGS: Record<Role, string> = { first: 'fp1', second: 'fp2', neutral: 'fink2' };

export function strokeOf(role: Role): string {
  return STROKES[role];
}

type Drawing = (role: Role) => SVGTemplateResult;

const DRAWINGS: Record<Shape, Drawing> = {
  cross: (role) => svg`<path class=${STROKES[role]} stroke-width=".065"
    d="M-.24 -.24L.24 .24M.24 -.24L-.24 .24" />`,
  ring: (role) => svg`<circle class=${STROKES[role]} stroke-width=".065" r=".25" />`,
  disc: (role) => svg`<circle class=${FILLS[role]} r=".38" />`,
  block: (role) =>
    svg`<rect class=${FILLS[role]} x="-.36" y="-.36" width=".72" height=".72" rx=".06" />`,
  wall: (role) => svg`<rect class=${FILLS[role]} x="-.5" y="-.5" width="1" height="1" />`,
  wedge: (role) => svg`<path class=${FILLS[role]} d="M-.36 .26L.36 .26V-.1L.08 -.28Z" />`,
  flag: (role) => svg`<path class=${THINGS[role]}
      d="M-.25 -.4H-.16V.3H-.02V.4H-.39V.3H-.25Z" />
    <path class=${THINGS[role]} d="M-.11 -.38L.38 -.17L-.11 .05Z" />`,
  key: (role) => svg`<circle class=${STROKES[role]} stroke-width=".12" cx="-.21" r=".15" />
    <path class=${STROKES[role]} stroke-width=".12" style="stroke-linecap:butt"
      d="M-.06 0H.42M.36 0V.2M.18 0V.16" />`,
  door: (role) => svg`<rect class=${THINGS[role]} x="-.5" y="-.5" width="1" height="1" />
    <path class="cut" stroke-width=".05" d="M-.36 .5V-.36H.36V.5" />
    <path class="fpaper" d="M0 -.17A.13 .13 0 0 1 .065 .073L.11 .3H-.11L-.065 .073A.13 .13 0 0 1 0 -.17Z" />`,
  chest: (role) => svg`<path class=${THINGS[role]}
      d="M-.38 -.04V-.12A.2 .2 0 0 1 -.18 -.32H.18A.2 .2 0 0 1 .38 -.12V-.04Z" />
    <rect class=${THINGS[role]} x="-.38" y=".02" width=".76" height=".3" rx=".03" />
    <rect class="fpaper" x="-.12" y="-.1" width=".24" height=".24" rx=".04" />
    <rect class=${THINGS[role]} x="-.06" y="-.04" width=".12" height=".12" rx=".03" />`,
  tree: (role) => svg`<rect class=${THINGS[role]} x="-.06" y=".2" width=".12" height=".22" />
    <path class=${THINGS[role]} d="M0 -.43L.22 -.13H.13L.36 .22H-.36L-.13 -.13H-.22Z" />`,
  monster: (role) => svg`<path class=${THINGS[role]}
      d="M-.34 .38V-.06L-.36 -.4L-.17 -.29Q0 -.36 .17 -.29L.36 -.4L.34 -.06V.38L.225 .27L.11 .38L0 .27L-.11 .38L-.225 .27Z" />
    <circle class="fpaper" cx="-.14" cy="-.04" r=".1" />
    <circle class="fpaper" cx=".14" cy="-.04" r=".1" />
    <circle class="fink" cx="-.12" cy="-.02" r=".045" />
    <circle class="fink" cx=".16" cy="-.02" r=".045" />`,
  shield: (role) => svg`<path class=${THINGS[role]}
      d="M0 -.4Q.16 -.29 .34 -.29V-.02Q.32 .26 0 .42Q-.32 .26 -.34 -.02V-.29Q-.16 -.29 0 -.4Z" />
    <path class="fpaper" d="M.03 -.28Q.13 -.21 .25 -.2V-.02Q.23 .18 .03 .3Z" />`,
  apple: (role) => svg`<path class=${THINGS[role]}
      d="M0 -.12C.1 -.2 .34 -.2 .34 .07C.34 .28 .18 .42 .1 .42C.05 .42 .04 .39 0 .39C-.04 .39 -.05 .42 -.1 .42C-.18 .42 -.34 .28 -.34 .07C-.34 -.2 -.1 -.2 0 -.12Z" />
    <path class=${STROKES[role]} stroke-width=".06" d="M0 -.14Q-.01 -.27 -.08 -.36" />
    <path class=${THINGS[role]} d="M.03 -.22C.05 -.38 .16 -.42 .3 -.41C.28 -.27 .17 -.2 .03 -.22Z" />`,
  lava: (role) => svg`<rect class="${FILLS[role]} tint" x="-.5" y="-.5" width="1" height="1" />
    ${[-0.36, -0.05, 0.26].map(
      (y) => svg`<path class=${STROKES[role]} stroke-width=".09" style="stroke-linecap:butt"
        d="M-.5 ${y}c.125 0 .125 .14 .25 .14s.125 -.14 .25 -.14s.125 .14 .25 .14s.125 -.14 .25 -.14" />`,
    )}`,
};

/** Shapes that fill their cell and are painted by the stretch rather than placed one by one. */
const GROUND: ReadonlySet<Shape> = new Set<Shape>(['wall', 'lava']);

export function isGround(shape: Shape): boolean {
  return GROUND.has(shape);
}

/** Shapes as large as their cell. */
export function fillsCell(shape: Shape): boolean {
  return isGround(shape) || shape === 'door';
}

/** A shape around a point; `size` is the side of its cell. */
export function drawShape(
  shape: Shape,
  role: Role,
  x: number,
  y: number,
  size: number,
): SVGTemplateResult {
  return svg`<g transform="translate(${x} ${y}) scale(${size})">${DRAWINGS[shape](role)}</g>`;
}
