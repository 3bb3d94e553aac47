// Keeps the whole run in the page's memory now and then, in case the worker dies.

import { ask } from './engine';
import { store } from './store';

interface Kept {
  bytes: Uint8Array;
  update: number;
}

const INTERVAL_MS = 10_000;

let kept: Kept | null = null;
let taken = 0;

/** What training can go on from, if anything. */
export function keptRun(): Kept | null {
  return kept;
}

/** A file that was opened is what there is to go on from. */
export function keepFile(bytes: Uint8Array, update: number): void {
  kept = { bytes, update };
}

export function forgetKeptRun(): void {
  kept = null;
}

/** Keeps the run as it is now; while it trains, not too often unless told so. */
export async function keepRun(often = !store.state.training): Promise<void> {
  const { update } = store.state;
  if (kept?.update === update) return;
  if (!often && kept && performance.now() - taken < INTERVAL_MS) return;
  taken = performance.now();
  try {
    const { bytes } = await ask('file', { type: 'export', what: 'everything' });
    kept = { bytes, update };
  } catch {
    // What was kept before is still there.
  }
}
