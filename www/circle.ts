// Whether an agent that always takes its likeliest action has come back to where it was.

/** A state, and what the agent made of it. */
export interface Visit {
  state: unknown;
  /** What it did there. */
  action: number;
  logits: readonly number[];
}

function fields(state: unknown): Record<string, unknown> {
  return typeof state === 'object' && state !== null && !Array.isArray(state)
    ? (state as Record<string, unknown>)
    : { state };
}

/** The fields that count steps: numbers that grew by one at every step. */
function clocks(visits: readonly Visit[]): Set<string> {
  const names = Object.keys(fields(visits[0]?.state));
  const counts = (name: string) =>
    visits.every(({ state }, index) => {
      const [now, before] = [fields(state)[name], fields(visits[index - 1]?.state)[name]];
      return typeof now === 'number' && (index === 0 || now === Number(before) + 1);
    });
  return new Set(visits.length > 1 ? names.filter(counts) : []);
}

/**
 * The earlier visit to the state of the last one, but for its clocks; null where there is none. Both
 * states and answers must agree: an agent that sees the clock may yet decide otherwise.
 */
export function circleOf(visits: readonly Visit[]): number | null {
  const last = visits.at(-1);
  if (!last) return null;
  const ignored = clocks(visits);
  const text = ({ state }: Visit) =>
    JSON.stringify(Object.entries(fields(state)).filter(([name]) => !ignored.has(name)));
  const same = (visit: Visit) =>
    visit.logits.every((logit, index) => logit === last.logits[index]) &&
    text(visit) === text(last);
  const at = visits.slice(0, -1).findIndex(same);
  return at < 0 ? null : at;
}
