// The agent plays by itself from the board on: its likeliest action, step by step, to the end.

import { activeBoard, over, place } from './boards';
import { circleOf, type Visit } from './circle';
import { ask, attempt } from './engine';
import { amend, change } from './history';
import { look, viewOf } from './look';
import type { StateView, View } from './protocol';
import { type State, store, type Walk, type WalkEnd } from './store';

const STEP_MS = 125;
/** Steps at that pace; a longer walk hurries on. */
const SLOW_STEPS = 80;
const HURRIED_MS = 30;
/** Other draws that are tried at every state of a circle, to see whether chance would break it. */
const DRAWS = 32;
/** A world may never end; a walk does. */
const MOST_STEPS = 500;

export function isWalking({ walk, line }: State): boolean {
  return walk !== null && walk.end === null && walk.line === line;
}

/** What the steps of a walk brought in, in all. */
export function returnOf({ line, from }: Pick<Walk, 'line' | 'from'>): number {
  return line.slice(from + 1).reduce((sum, { reward }) => sum + reward, 0);
}

export function stopWalk(): void {
  const { walk } = store.state;
  if (walk && walk.end === null) store.set({ walk: { ...walk, end: 'stopped' } });
}

function wantsMotion(): boolean {
  return !matchMedia('(prefers-reduced-motion: reduce)').matches;
}

function pauseUntil(due: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
}

/** How a walk ends at a board; null where it goes on. */
function endAt(board: StateView, steps: number): WalkEnd | null {
  if (board.terminated) return 'terminated';
  if (board.truncated) return 'truncated';
  return steps >= MOST_STEPS ? 'limit' : null;
}

class Walker {
  #walk: Walk;
  /** The line as far as it has been walked; the page's, but where motion is not wanted. */
  #line: StateView[];
  #visits: Visit[] = [];
  #moving = wantsMotion();
  /** Whether the world was seen to draw anything. */
  #drawn = false;

  constructor() {
    const { line, ply } = store.state;
    this.#line = line.slice(0, ply + 1);
    this.#walk = { line, from: ply, end: null, circle: null, best: null, steps: 0 };
  }

  /** Walks to the end; where the engine fails, the walk ends where it is. */
  async go(): Promise<void> {
    try {
      await this.#go();
    } finally {
      if (store.state.walk === this.#walk && this.#walk.end === null) this.#finish('stopped');
    }
  }

  async #go(): Promise<void> {
    this.#keep({});
    let due = performance.now();
    for (let board = this.#line.at(-1); board; board = this.#line.at(-1)) {
      const view = await viewOf(board, true);
      if (!this.#isOn()) return;
      this.#show(view);
      const decision = view.search ?? view.network;
      if (!decision) return this.#finish('stopped');
      if (this.#walk.steps === 0) this.#keep({ best: view.optimum });
      this.#visits.push({ state: board.state, action: decision.action, logits: decision.logits });
      const circle = this.#drawn ? null : circleOf(this.#visits);
      if (circle !== null && !(await this.#hasChance(circle)))
        return this.#finish('circle', circle);
      if (this.#moving) {
        due =
          Math.max(due, performance.now()) + (this.#walk.steps < SLOW_STEPS ? STEP_MS : HURRIED_MS);
        await pauseUntil(due);
      }
      const next = await ask('state', {
        type: 'step',
        state: board.state,
        action: decision.action,
      });
      if (!this.#isOn()) return;
      this.#take(next);
      const end = endAt(next, this.#walk.steps);
      if (end) return this.#finish(end);
    }
  }

  /** Whether other draws would lead elsewhere from some state since a visit: then nothing recurs. */
  async #hasChance(since: number): Promise<boolean> {
    const turns = this.#visits.slice(since, -1).flatMap(({ state, action }, index) => {
      const next = JSON.stringify(this.#visits[since + index + 1]?.state);
      return Array.from({ length: DRAWS }, async (_, draw) => {
        const other = await ask('state', { type: 'step', state, action, seed: draw + 1 });
        return JSON.stringify(other.state) !== next;
      });
    });
    this.#drawn = (await Promise.all(turns)).includes(true);
    return this.#drawn;
  }

  /** Whether the visitor has neither stopped it nor gone elsewhere. */
  #isOn(): boolean {
    const { walk, line, ply } = store.state;
    if (walk !== this.#walk) {
      // Stopped: what was walked unseen is shown.
      if (walk?.line === line && walk.end === 'stopped' && !this.#moving) this.#finish('stopped');
      return false;
    }
    const here = line === walk.line && ply === (this.#moving ? this.#line.length - 1 : walk.from);
    if (!here) stopWalk();
    return here;
  }

  #keep(patch: Partial<Walk>): void {
    this.#walk = { ...this.#walk, ...patch };
    store.set({ walk: this.#walk });
  }

  #show(view: View): void {
    const { views, active } = store.state;
    if (this.#moving) store.set({ views: { ...views, [active]: view } });
  }

  #take(board: StateView): void {
    this.#line = [...this.#line, board];
    const steps = this.#walk.steps + 1;
    if (this.#moving) this.#put(steps === 1);
    this.#keep({ steps });
  }

  /** Shows the line to its end; all of a walk is one step of the history. */
  #put(isFirst: boolean): void {
    const board = this.#line.at(-1);
    if (!board) return;
    const line = this.#line;
    this.#walk = { ...this.#walk, line };
    const next = { ...place(store.state.active, board), line, ply: line.length - 1 };
    if (isFirst) change(next);
    else amend(next);
  }

  #finish(end: WalkEnd, circle: number | null = null): void {
    if (!this.#moving && this.#walk.steps > 0) this.#put(true);
    this.#keep({ end, circle });
  }
}

/** Hands the board to the agent, which plays to the end of the episode. */
export async function handOver(): Promise<void> {
  const board = activeBoard();
  if (!board || over(board)) return;
  store.set({ mode: 'play' });
  await attempt('world', () => new Walker().go());
  await look();
}
