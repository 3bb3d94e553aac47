// The paths that players walk along a line of play: what a scene shows of where they have been.

import type { Role, Scene, Sprite, StateView } from './protocol';
import type { Cell } from './store';

export interface Trail {
  /** Where it stood, state by state. */
  cells: Cell[];
  /** The cell of the board on show. */
  upTo: number;
  role: Role;
}

/** What the first player is, where there is one of it: things that are many cannot be told apart. */
function players({ sprites }: Scene): Sprite[] {
  const count = (name: string) => sprites.filter((sprite) => sprite.name === name).length;
  return sprites.filter(({ role, name }) => role === 'first' && count(name) === 1);
}

/** A path for each player that moves; it ends where the player is gone. `upTo` counts states. */
export function trailsOf(line: readonly StateView[], upTo: number): Trail[] {
  const [first] = line;
  if (!first) return [];
  return players(first.scene).flatMap(({ name, role }) => {
    const places = line.map(({ scene }) => players(scene).find((sprite) => sprite.name === name));
    const gone = places.indexOf(undefined);
    const cells = places
      .slice(0, gone < 0 ? places.length : gone)
      .flatMap((place) => (place ? [{ row: place.row, column: place.column }] : []));
    const moves = cells.some(
      ({ row, column }) => row !== cells[0]?.row || column !== cells[0].column,
    );
    return moves ? [{ cells, upTo, role }] : [];
  });
}
