// The page's one state. Components read it and call actions (actions.ts); nothing else changes it.

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type {
  Catalogue,
  DeviceName,
  Edit,
  Figure,
  Kept,
  Optimum,
  RunInfo,
  Number as Score,
  StateView,
  View,
} from './protocol';

export interface Cell {
  row: number;
  column: number;
}

/** The agent playing by itself from a board on. */
export interface Walk {
  /** The line of play that it lengthens; where the page shows another, the walk is no longer on show. */
  line: StateView[];
  /** Where on the line it began. */
  from: number;
  /** How it ended; null while it goes on. */
  end: WalkEnd | null;
  /** The step since its beginning to which a circle came back. */
  circle: number | null;
  /** Ground truth where it began. */
  best: Optimum | null;
  /** Steps so far: more than the line shows where motion is not wanted. */
  steps: number;
}

export type WalkEnd = 'terminated' | 'truncated' | 'circle' | 'limit' | 'stopped';

/** One of the two boards of a comparison. */
export type Which = 'clean' | 'corrupt';

/** An element of a site by flat index, which stands for its whole channel; null for all of it. */
export interface UnitRef {
  site: string;
  unit: number | null;
}

export interface UpdatePoint {
  update: number;
  metrics: Record<string, number>;
}

export interface CheckpointPoint {
  update: number;
  scores: Score[];
}

/** An update with which the policy began to fall apart. */
export interface CollapsePoint {
  update: number;
  message: string;
}

/** What an op was given and what it looked at: enough to run it again. All its figures share it. */
export interface Making {
  op: string;
  parameters: Record<string, unknown>;
  run: RunInfo;
  /** What it looked at, as it was drawn. */
  boards: StateView[];
  edits: Edit[];
  /** The update whose network it looked at. */
  update: number;
  /** Headline numbers of all its figures. */
  numbers: Score[];
  /** Updates whose weights it read. */
  read: number[];
  /** Which of them are the run's checkpoints, where it looked at them. */
  checkpoints: number[];
  /** Those weights as exported, by update: its own network's at once, others' when they are wanted. */
  weights: Map<number, Uint8Array>;
  /** Resolves when its own network's are there, or could not be had. */
  ready: Promise<void>;
}

/** One figure of an op, with what it was made from. */
export interface Result {
  id: number;
  op: string;
  made: Making;
  parameters: Record<string, unknown>;
  update: number;
  /** What the figure depends on beside its update: see `basis()`. */
  basis: string;
  figure: Figure;
  /** Headline numbers of the whole op, the same on all figures of one run of it. */
  numbers: Score[];
  pinned: boolean;
}

/** Work that the visitor waits for. */
export interface Busy {
  label: string;
  done: number;
  total: number;
  /** `performance.now()` at its start. */
  started: number;
  /** It was called off, and has yet to end. */
  cancelling: boolean;
}

export interface PageError {
  code: string;
  message: string;
  /** Where it is told: beside the board, beside the op, or over the whole page. */
  place: 'page' | 'world' | 'evidence';
}

export type Engine =
  | { status: 'loading'; bytes: number | null }
  | { status: 'ready' }
  | { status: 'unsupported' }
  /** `safe` is the update from which the run can go on; null when it starts afresh. */
  | { status: 'dead'; why: string; safe: number | null };

export interface State {
  engine: Engine;
  device: DeviceName;
  catalogue: Catalogue | null;

  run: RunInfo | null;
  /** Parameters that the visitor changed, by dotted name. */
  set: Record<string, unknown>;
  training: boolean;
  /** Newest update of the run. */
  update: number;
  updates: UpdatePoint[];
  checkpoints: CheckpointPoint[];
  /** The checkpoint on show; null for the newest weights. */
  scrubbed: number | null;
  /** Which checkpoints the run can go back to. */
  kept: Kept;
  collapses: CollapsePoint[];
  /** The collapse that is told; null once it was read. */
  warning: CollapsePoint | null;
  /** Seconds of training so far, in this tab. */
  secondsTrained: number;
  /** Estimate to the end of the budget; null while unknown. */
  secondsLeft: number | null;

  boards: Record<Which, StateView | null>;
  /** The board that World shows, plays on and edits. */
  active: Which;
  views: Record<Which, View | null>;
  /** The moves of the game on the active board, and where in it we stand. */
  line: StateView[];
  ply: number;
  mode: 'play' | 'edit';
  /** The newest walk. */
  walk: Walk | null;
  /** Cells that the editor has yet to paint, and the brush. */
  pending: (Cell & { brush: number })[];
  /** The cell that could not be as the editor wanted it; for a moment. */
  refused: Cell | null;
  /** The player whose moves are the visitor's; null for all of them. */
  seat: number | null;
  searchOn: boolean;
  /** A board picked up with the keyboard or by dragging. */
  taken: Which | null;

  show: Which | 'difference';
  /** The unit that is held. */
  unit: UnitRef | null;
  hover: UnitRef | null;
  edits: Edit[];
  /** Scores without and with the edits; null while there are none. */
  editScores: { without: Score[]; with: Score[] } | null;

  /** The op chosen in Evidence. */
  op: string | null;
  /** Values of each op's form, by op id. */
  opParameters: Record<string, Record<string, unknown>>;
  /** Ops that are run again after each checkpoint while the agent trains, by op id. */
  live: Record<string, boolean>;
  results: Result[];

  busy: Busy | null;
  error: PageError | null;
  canUndo: boolean;
  canRedo: boolean;
}

export const initialState: State = {
  engine: { status: 'loading', bytes: null },
  device: 'cpu',
  catalogue: null,
  run: null,
  set: {},
  training: false,
  update: 0,
  updates: [],
  checkpoints: [],
  scrubbed: null,
  kept: { rewindable: [], best: null },
  collapses: [],
  warning: null,
  secondsTrained: 0,
  secondsLeft: null,
  boards: { clean: null, corrupt: null },
  active: 'clean',
  views: { clean: null, corrupt: null },
  line: [],
  ply: 0,
  mode: 'play',
  walk: null,
  pending: [],
  refused: null,
  seat: 0,
  searchOn: true,
  taken: null,
  show: 'clean',
  unit: null,
  hover: null,
  edits: [],
  editScores: null,
  op: null,
  opParameters: {},
  live: {},
  results: [],
  busy: null,
  error: null,
  canUndo: false,
  canRedo: false,
};

/** The update whose weights are on show. */
export function shownUpdate(state: State): number {
  return state.scrubbed ?? state.update;
}

/** The best checkpoint to go back to; null where that is the newest update. */
export function bestBefore({ kept, update }: State): number | null {
  return kept.best != null && kept.best < update ? kept.best : null;
}

/** A run's past up to an update. */
export function pastUpTo(update: number, state: State) {
  const isPast = (point: { update: number }) => point.update <= update;
  const { updates, checkpoints, collapses, scrubbed, warning } = state;
  return {
    update,
    updates: updates.filter(isPast),
    checkpoints: checkpoints.filter(isPast),
    collapses: collapses.filter(isPast),
    scrubbed: scrubbed !== null && scrubbed < update ? scrubbed : null,
    warning: warning && isPast(warning) ? warning : null,
  };
}

/** The boards that an op looks at: none, the one on show, or the pair. */
export function boardsFor({ boards, active }: State, numStates: number): StateView[] {
  const wanted = numStates === 2 ? [boards.clean, boards.corrupt] : [boards[active]];
  return wanted.slice(0, numStates).flatMap((board) => board ?? []);
}

/** What figures depend on beside their update: the run, the boards that their op looks at, the edits. */
export function basis(state: State, numStates: number): string {
  const { run, edits } = state;
  const states = boardsFor(state, numStates).map((board) => board.state);
  return JSON.stringify([run?.seed, run?.parameters, states, edits]);
}

/** Whether the page has moved on since the figure was made. */
export function isStale(result: Result, state: State): boolean {
  return (
    result.update !== shownUpdate(state) || result.basis !== basis(state, result.made.boards.length)
  );
}

/** Whether a figure is renewed by itself with the next checkpoint. */
export function isFollowed(result: Result, state: State): boolean {
  const { live, training, scrubbed, op } = state;
  const isLive = training && scrubbed === null && live[result.op] === true && op === result.op;
  return isLive && !result.pinned && result.basis === basis(state, result.made.boards.length);
}

type Listener = (state: State) => void;

export class Store {
  #state: State;
  #listeners = new Set<Listener>();

  constructor(state: State = initialState) {
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  /** Replaces some fields and tells the listeners. */
  set(patch: Partial<State>): void {
    this.#state = { ...this.#state, ...patch };
    for (const listener of this.#listeners) listener(this.#state);
  }

  /** Calls `listener` after each change, until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export const store = new Store();

/**
 * Ties a Lit element to the store: it is redrawn when one of the picked values is another one.
 *
 *     #watch = new Watch(this, (state) => [state.run, state.update]);
 */
export class Watch implements ReactiveController {
  #host: ReactiveControllerHost;
  #pick: (state: State) => readonly unknown[];
  #last: readonly unknown[] = [];
  #stop: (() => void) | undefined;

  constructor(host: ReactiveControllerHost, pick: (state: State) => readonly unknown[]) {
    this.#host = host;
    this.#pick = pick;
    host.addController(this);
  }

  get state(): State {
    return store.state;
  }

  hostConnected(): void {
    this.#last = this.#pick(store.state);
    this.#stop = store.subscribe((state) => {
      const next = this.#pick(state);
      if (next.some((value, index) => value !== this.#last[index])) {
        this.#last = next;
        this.#host.requestUpdate();
      }
    });
  }

  hostDisconnected(): void {
    this.#stop?.();
  }
}
