// Every preset of the agents below, trained in the tab: seconds to its claims and to the end.
import { native, note } from './common.mjs';
import { inTab } from './tab.mjs';

const AGENTS = ['ppo'];

export async function presetFigures(tab) {
  const { presets } = native('catalogue')[0];
  const figures = {};
  for (const { id, claims } of presets.filter(({ agent }) => AGENTS.includes(agent))) {
    // Numbers of ops are left to the learning tests.
    const scored = claims.filter(({ op }) => op === null);
    figures[id] = await inTab(tab, trainToTheEnd, { preset: id, claims: scored });
    note(`${id}: ${JSON.stringify(figures[id])}`);
  }
  return figures;
}

/** Runs inside the browser. Claims are looked at wherever a checkpoint is scored. */
async function trainToTheEnd({ preset, claims }) {
  const [opened] = await globalThis.ask({ type: 'open', preset, set: {}, seed: 0, device: 'cpu' });
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const within = (value, claim) =>
    value !== undefined &&
    value <= (claim.at_most ?? Number.POSITIVE_INFINITY) &&
    value >= (claim.at_least ?? Number.NEGATIVE_INFINITY);
  let scores = {};
  let first = null;
  for (let update = 0; update < opened.updates; update++) {
    const events = await globalThis.ask({ type: 'advance', updates: 1 });
    const checkpoint = events.find((event) => event.type === 'checkpoint');
    if (!checkpoint) continue;
    scores = Object.fromEntries(checkpoint.scores.map(({ id, value }) => [id, value]));
    const holds = claims.every((claim) => within(scores[claim.metric], claim));
    if (holds && first === null) first = { update: checkpoint.update, seconds: seconds() };
  }
  return {
    updates: opened.updates,
    seconds_to_the_end: seconds(),
    claims_first_hold: first,
    claims_hold_at_the_end: claims.every((claim) => within(scores[claim.metric], claim)),
    scores,
  };
}
