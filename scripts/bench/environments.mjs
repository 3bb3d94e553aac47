// Steps a second of every environment under random play, natively and in the tab.
import { native, note } from './common.mjs';
import { inTab } from './tab.mjs';

/** Steps of one measurement, and measurements of which the fastest counts: what else runs only slows. */
const STEPS = 2_000_000;
const TIMES = 5;

export async function environmentFigures(tab) {
  const figures = {};
  for (const { id } of native('catalogue')[0].environments) {
    const { length_mean: length } = native('rollout', id, '--episodes', '100')[0];
    const episodes = Math.ceil(STEPS / length);
    const once = () =>
      native('rollout', id, '--episodes', `${episodes}`, '--seed', '0')[0].steps_per_second;
    const speed = Math.max(...Array.from({ length: TIMES }, once));
    const inside = Math.max(...(await inTab(tab, randomPlay, { id, episodes, times: TIMES })));
    figures[id] = {
      native_steps_per_second: speed,
      tab_steps_per_second: inside,
      tab_over_native: inside / speed,
    };
    note(`${id}: ${JSON.stringify(figures[id])}`);
  }
  return figures;
}

/** Runs inside the browser. The first round is for its compiler. */
async function randomPlay({ id, episodes, times }) {
  const speeds = [];
  for (let round = 0; round <= times; round++) {
    const start = performance.now();
    const command = { type: 'rollout', environment: id, set: {}, episodes, seed: 0 };
    const [found] = await globalThis.ask(command);
    if (round > 0) speeds.push((1000 * found.steps) / (performance.now() - start));
  }
  return speeds;
}
