// Actions on the two boards, on the game that is played on one of them, and on the edits.

import { ask, attempt, report } from './engine';
import { change, clearHistory, stepBack, stepForward } from './history';
import { look, scoreEdits, viewOf } from './look';
import type { Edit, Select, Site, StateView } from './protocol';
import { store, type Which } from './store';

/** The boards with one of them replaced. */
export function place(which: Which, board: StateView) {
  return { boards: { ...store.state.boards, [which]: board } };
}

export function activeBoard(): StateView | null {
  return store.state.boards[store.state.active];
}

export function over(board: StateView): boolean {
  return board.terminated || board.truncated;
}

/** Puts a board in place as a new line of play; `as` says whether it is a step of the history. */
export function edited(which: Which, board: StateView, as = change): void {
  const line = which === store.state.active ? { line: [board], ply: 0 } : {};
  as({ ...place(which, board), ...line });
  look();
}

/** Fills the boards without a trace in the history; what cannot stand is told and replaced. */
export async function setUpBoards(states: unknown[], instead: unknown[] = []): Promise<void> {
  if (await attempt('world', () => fill(states))) return;
  await report('world', () => fill(instead));
}

/** The boards of `states`; without any, a start state. */
async function fill(states: unknown[]): Promise<void> {
  const [first, second] = states;
  const clean =
    first === undefined
      ? await ask('state', { type: 'start' })
      : await ask('state', { type: 'inject', state: first });
  const corrupt =
    second === undefined ? null : await ask('state', { type: 'inject', state: second });
  store.set({ boards: { clean, corrupt }, active: 'clean', line: [clean], ply: 0, taken: null });
  clearHistory();
}

/** Puts one state on the board on show, or a pair on both boards; a change like any other. */
export async function loadStates(states: unknown[]): Promise<void> {
  await attempt('evidence', async () => {
    const views: StateView[] = [];
    for (const state of states) views.push(await ask('state', { type: 'inject', state }));
    const { active } = store.state;
    const [first, second] = views;
    if (!first) return;
    if (!second) return edited(active, first);
    const board = active === 'clean' ? first : second;
    change({ boards: { clean: first, corrupt: second }, line: [board], ply: 0 });
    look();
  });
}

async function move(action: number): Promise<void> {
  const { active, line, ply } = store.state;
  const before = activeBoard();
  if (!before) return;
  const after = await ask('state', { type: 'step', state: before.state, action });
  change({ ...place(active, after), line: [...line.slice(0, ply + 1), after], ply: ply + 1 });
}

async function answer(): Promise<void> {
  const board = activeBoard();
  if (!board || over(board)) return;
  const view = await viewOf(board, true);
  const decision = view.search ?? view.network;
  if (decision) await move(decision.action);
}

async function answerIfItsTurn(): Promise<void> {
  const { seat } = store.state;
  const board = activeBoard();
  if (board && seat !== null && board.player !== seat && hasTwoPlayers()) await answer();
}

export function hasTwoPlayers(): boolean {
  return store.state.run?.num_players === 2;
}

/** Plays the visitor's action; the agent answers when its seat is to move. */
export async function play(action: number): Promise<void> {
  await attempt('world', async () => {
    await move(action);
    await answerIfItsTurn();
  });
  look();
}

/** Lets the agent move, whoever's turn it is. */
export async function agentMove(): Promise<void> {
  await attempt('world', answer);
  look();
}

/** Goes along the line of play: −1 back, +1 on. */
export function goToPly(step: number): void {
  const { line, ply, active } = store.state;
  const board = line[ply + step];
  if (!board) return;
  change({ ...place(active, board), ply: ply + step });
  look();
}

/** Plays or edits; a level that the agent has walked through is edited as it was before. */
export function setMode(mode: 'play' | 'edit'): void {
  const { walk, line, ply } = store.state;
  store.set({ mode });
  if (mode === 'edit' && walk?.line === line && ply !== walk.from) goToPly(walk.from - ply);
}

export async function newGame(): Promise<void> {
  await attempt('world', async () => {
    edited(store.state.active, await ask('state', { type: 'start', seed: Date.now() % 65536 }));
    await answerIfItsTurn();
  });
  look();
}

export function setActive(active: Which): void {
  const board = store.state.boards[active];
  if (!board || active === store.state.active) return;
  store.set({ active, line: [board], ply: 0 });
  look();
}

export function swapBoards(): void {
  const { clean, corrupt } = store.state.boards;
  if (!clean || !corrupt) return;
  const board = store.state.active === 'clean' ? corrupt : clean;
  change({ boards: { clean: corrupt, corrupt: clean }, line: [board], ply: 0 });
  look();
}

export function copyBoard(from: Which, to: Which): void {
  const board = store.state.boards[from];
  if (board) edited(to, board);
}

export async function setSeat(seat: number | null): Promise<void> {
  store.set({ seat });
  await attempt('world', answerIfItsTurn);
  look();
}

export function setSearch(searchOn: boolean): void {
  store.set({ searchOn });
  look();
}

export function setEdits(edits: Edit[]): void {
  change({ edits });
  look();
  scoreEdits();
}

/** Sets a unit (an index of the site's first axis) to zero; a second time takes that back. */
export function ablate({ name: site, axes }: Site, unit: number): void {
  const { edits } = store.state;
  const along = { axis: axes[0]?.name ?? '', indices: [unit] };
  const select: Select = axes.length > 1 ? { along } : { units: [unit] };
  const edit: Edit = { site, select, op: 'zero' };
  const same = (other: Edit) => JSON.stringify(other) === JSON.stringify(edit);
  setEdits(edits.some(same) ? edits.filter((other) => !same(other)) : [...edits, edit]);
}

function afterHistory(): void {
  look();
  scoreEdits();
}

export function undo(): void {
  if (stepBack()) afterHistory();
}

export function redo(): void {
  if (stepForward()) afterHistory();
}
