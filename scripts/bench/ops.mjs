// Every op on its default parameters, on the trained network of tic-tac-toe in the tab.
import { note } from './common.mjs';
import { inTab } from './tab.mjs';

const PRESET = 'tictactoe_alphazero';
/** Seconds that each may take, and the look over all of training. */
const MOST_SECONDS = 2;
const MOST_SECONDS_OVER_TRAINING = 20;

export async function opFigures(tab) {
  const found = await inTab(tab, everyOp, { preset: PRESET });
  note(JSON.stringify(found));
  const slow = Object.entries(found.seconds).filter(([, seconds]) => seconds > MOST_SECONDS);
  return {
    ...found,
    most_seconds: MOST_SECONDS,
    slower: slow.map(([id]) => id),
    most_seconds_over_training: MOST_SECONDS_OVER_TRAINING,
  };
}

/** Runs inside the browser. Each op is asked once, as a visitor does. */
async function everyOp({ preset }) {
  const [catalogue] = await globalThis.ask({ type: 'catalogue' });
  const { states } = catalogue.presets.find((entry) => entry.id === preset);
  await globalThis.ask({ type: 'open', preset, set: {}, seed: 0, device: 'cpu' });
  const timed = async ({ id, num_states }, parameters) => {
    const start = performance.now();
    await globalThis.ask({ type: 'op', op: id, parameters, states: states.slice(0, num_states) });
    return (performance.now() - start) / 1000;
  };
  await globalThis.ask({ type: 'advance', updates: 10_000 });
  const seconds = {};
  const refused = {};
  for (const op of catalogue.ops) {
    try {
      seconds[op.id] = await timed(op, {});
    } catch (why) {
      refused[op.id] = why.message;
    }
  }
  // A larger sample, so that nothing is remembered.
  const over = catalogue.ops.find(({ id }) => id === 'what_when_where');
  const asked = { checkpoints: 20, reference_states: 1100 };
  return { seconds, refused, over_training: { asked, seconds: await timed(over, asked) } };
}
