import { store } from './store';

/** Measures training: seconds so far, and an estimate of those left. */
export class Clock {
  #last = performance.now();
  #perUpdate = 0;
  #ticks = 0;

  tick(updates: number): void {
    if (updates <= 0) return;
    const now = performance.now();
    const seconds = (now - this.#last) / 1000;
    this.#last = now;
    const perUpdate = seconds / updates;
    this.#ticks += 1;
    // The first runs before the browser has optimised the code: the second takes its place.
    const before = this.#ticks <= 2 ? perUpdate : this.#perUpdate;
    this.#perUpdate = before * 0.85 + perUpdate * 0.15;
    const { run, update, secondsTrained } = store.state;
    const secondsLeft = Math.max(0, (run?.updates ?? 0) - update) * this.#perUpdate;
    store.set({ secondsTrained: secondsTrained + seconds, secondsLeft });
  }
}
