import { store } from './store';

/** Measures training: seconds so far, and an estimate of those left. */
export class Clock {
  #last = performance.now();
  #perUpdate: number | null = null;

  tick(updates: number): void {
    if (updates <= 0) return;
    const now = performance.now();
    const seconds = (now - this.#last) / 1000;
    this.#last = now;
    const perUpdate = seconds / updates;
    // The first updates run before the browser has optimised the code, so they soon fade.
    this.#perUpdate = (this.#perUpdate ?? perUpdate) * 0.9 + perUpdate * 0.1;
    const { run, update, secondsTrained } = store.state;
    const secondsLeft = Math.max(0, (run?.updates ?? 0) - update) * this.#perUpdate;
    store.set({ secondsTrained: secondsTrained + seconds, secondsLeft });
  }
}
