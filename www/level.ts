// Training on the very level that is on the board, where the environment can be given one.

import { activeBoard } from './boards';
import type { RunInfo, StateView } from './protocol';
import { openPreset, train } from './run';
import { store } from './store';

/** The parameter that holds the one level to train on; empty for levels that are drawn. */
const LEVEL = 'environment.level';

/** The level that a run trains on: empty for drawn ones, null where it cannot be chosen. */
export function levelOfRun(run: RunInfo | null): string | null {
  const level = run?.parameters[LEVEL];
  return typeof level === 'string' ? level : null;
}

/** The level of a state, its rows joined; null where a state has no rows of text. */
export function levelOfState({ state }: Pick<StateView, 'state'>): string | null {
  const rows = typeof state === 'object' && state !== null && 'level' in state && state.level;
  const areText = Array.isArray(rows) && rows.every((row) => typeof row === 'string');
  return areText && rows.length > 0 ? rows.join('/') : null;
}

/** Opens the preset again with a level of its own, and trains; an empty one means drawn levels. */
async function trainOn(level: string): Promise<void> {
  const { run, set } = store.state;
  if (!run || levelOfRun(run) === null) return;
  if (await openPreset(run.preset, run.seed, { ...set, [LEVEL]: level })) await train();
}

export async function trainOnLevel(): Promise<void> {
  const board = activeBoard();
  const level = board && levelOfState(board);
  if (level) await trainOn(level);
}

export async function trainOnDrawnLevels(): Promise<void> {
  await trainOn('');
}
