// Undo and redo of everything that the visitor edits: the boards, the game's line, the edits.

import type { Edit, StateView } from './protocol';
import { type State, store, type Which } from './store';

/** What an undo brings back. */
interface Snapshot {
  boards: Record<Which, StateView | null>;
  line: StateView[];
  ply: number;
  edits: Edit[];
}

const LIMIT = 200;
let past: Snapshot[] = [];
let future: Snapshot[] = [];

function snapshot({ boards, line, ply, edits }: State): Snapshot {
  return { boards, line, ply, edits };
}

function flags() {
  return { canUndo: past.length > 0, canRedo: future.length > 0 };
}

/** Makes a change that can be undone. */
export function change(patch: Partial<Snapshot>): void {
  past = [...past, snapshot(store.state)].slice(-LIMIT);
  future = [];
  store.set({ ...patch, ...flags() });
}

/** Makes a change part of the one before it: one undo takes both back. */
export function amend(patch: Partial<Snapshot>): void {
  future = [];
  store.set({ ...patch, ...flags() });
}

export function clearHistory(): void {
  past = [];
  future = [];
  store.set(flags());
}

/** Goes back one change; says whether there was one. */
export function stepBack(): boolean {
  const last = past.pop();
  if (!last) return false;
  future.push(snapshot(store.state));
  store.set({ ...last, ...flags() });
  return true;
}

/** Goes forward again. */
export function stepForward(): boolean {
  const next = future.pop();
  if (!next) return false;
  past.push(snapshot(store.state));
  store.set({ ...next, ...flags() });
  return true;
}
