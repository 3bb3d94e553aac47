// What goes on in the world, in a sentence: who is to move, what the agent thinks, what is true.

import { html, nothing, type TemplateResult } from 'lit';
import { hasTwoPlayers } from '../actions';
import { formatNumber } from '../format';
import type { Optimum, Scene, StateView, View } from '../protocol';
import type { State, Walk, WalkEnd } from '../store';
import { returnOf } from '../walk';
import { shortName } from './scene';

const CLASSES = ['p1', 'p2'];
const ROLES = ['first', 'second'] as const;

/** A player's name, from what the scene's brushes paint. */
export function playerName({ brushes }: Scene, player: number): string {
  const brush = brushes.find(({ role }) => role === ROLES[player]);
  return brush?.name ?? `player ${player + 1}`;
}

/** To two decimals, with its sign: `+.97`, `0`, `−1`. */
function signed(value: number): string {
  const rounded = Math.round(value * 100) / 100;
  return rounded > 0 ? `+${formatNumber(rounded)}` : formatNumber(rounded);
}

/** A value between −1 and 1 as an outcome. */
function outcome(value: number): string {
  if (value > 1 / 3) return 'to win';
  return value < -1 / 3 ? 'to lose' : 'to draw';
}

function truth({ value, method, exact }: Optimum): TemplateResult {
  return html`, ${method} <b>${signed(value)}</b>${exact ? nothing : ' as far as it sees'}`;
}

function countSteps(count: number): string {
  return `${count} ${count === 1 ? 'step' : 'steps'}`;
}

/** What came of a walk up to its end. */
function ending(walk: Walk, end: WalkEnd): TemplateResult {
  const { circle, best, steps, line, from } = walk;
  const taken = html`<b>${countSteps(steps)}</b>`;
  const back = circle ?? 0;
  const how = {
    terminated: html`The episode ended after ${taken}.`,
    truncated: html`The time limit cut the episode after ${taken}.`,
    circle:
      steps - back === 1
        ? html`<b>It is stuck</b>: step ${steps} changed nothing.`
        : html`<b>It walks in a circle</b>: step ${steps} leads back to step ${back}.`,
    limit: html`It would go on; it was watched for ${taken}.`,
    stopped: html`Stopped after ${taken}.`,
  }[end];
  const most = best
    ? html` of at most <b>${signed(best.value)}</b> (${best.method}${best.exact ? '' : ', as far as it sees'})`
    : nothing;
  return html`${how} Return <b>${signed(returnOf({ line, from }))}</b>${most}, with the likeliest
    action each time.`;
}

/** What a walk is at or came to, where the board on show is its last. */
function walkSentence({ walk, line, ply }: State): TemplateResult | null {
  if (walk?.line !== line || ply !== line.length - 1) return null;
  return walk.end
    ? ending(walk, walk.end)
    : html`The agent plays its likeliest action at each step: <b>${countSteps(walk.steps)}</b> so far.`;
}

/** Where a board lies on a walk. */
function placeOnWalk({ walk, line, ply }: State): string {
  if (walk?.line !== line || ply < walk.from) return '';
  return `Step ${ply - walk.from} of ${line.length - 1 - walk.from}. `;
}

export function sentence(
  state: State,
  board: StateView,
  view: View | null,
  onSeat: (seat: number | null) => void,
): TemplateResult {
  const { seat, run, mode } = state;
  const two = hasTwoPlayers();
  const player = (index: number) =>
    html`<b class=${CLASSES[index] ?? ''}>${playerName(board.scene, index)}</b>`;
  const seats = two && mode === 'play' ? seatPicker(board.scene, seat, onSeat) : nothing;
  const walked = mode === 'play' ? walkSentence(state) : null;
  if (walked) return walked;
  if (board.terminated || board.truncated) return html`${seats} ${board.scene.status}.`;
  const decision = view?.search ?? view?.network;
  if (!view || !decision) return html`${seats} The agent looks at the board.`;
  const action = shortName(run?.actions ?? [], decision.action);
  const value = html`value <b>${signed(decision.value)}</b>${view.optimum ? truth(view.optimum) : nothing}`;
  if (!two)
    return html`${mode === 'play' ? placeOnWalk(state) : ''}The agent would play <b>${action}</b>: ${value}.`;
  return html`${seats} The agent expects ${player(board.player)} ${outcome(decision.value)}, best at
    <b>${action}</b>: ${value}.`;
}

function seatPicker(scene: Scene, seat: number | null, onSeat: (seat: number | null) => void) {
  const change = (event: Event) => {
    const { value } = event.target as HTMLSelectElement;
    onSeat(value === '' ? null : Number(value));
  };
  const option = (value: number | null, name: string) =>
    html`<option value=${value ?? ''} ?selected=${value === seat}>${name}</option>`;
  return html`You play
    <select aria-label="Which side you play" @change=${change}>
      ${option(0, playerName(scene, 0))} ${option(1, playerName(scene, 1))} ${option(null, 'both')}</select
    >.`;
}
