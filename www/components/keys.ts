// The keys of the whole page. Those of one area are where the area is.

import { redo, scrubStep, stepOnce, toggleTraining, undo } from '../actions';
import { store } from '../store';
import { dropBoard, other } from './pair';

export const KEYS: readonly (readonly [keys: string[], what: string])[] = [
  [['T'], 'train, or pause'],
  [['.'], 'one update'],
  [['←', '→'], 'the checkpoint before or after'],
  [['1', '4'], 'World, Brain, Evidence, Timeline'],
  [['C', 'P'], 'take the board on show; drop it on the other'],
  [['1', '9'], 'a brush, with the focus on the board in Edit'],
  [['/'], 'search the presets'],
  [['Esc'], 'let go of a unit or a board'],
  [['Ctrl', 'Z'], 'undo an edit; with Shift, redo it'],
  [['?'], 'this list'],
];

export interface KeyTargets {
  showArea(index: number): void;
  showPresets(): void;
  showHelp(): void;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.matches('input:not([type=checkbox]), textarea, select') ||
      target.closest('dialog') !== null)
  );
}

function letGo(): void {
  if (store.state.taken) store.set({ taken: null });
  else store.set({ unit: null, hover: null });
}

/** Does what a key means; says whether it meant anything. */
function press(key: string, targets: KeyTargets): boolean {
  switch (key) {
    case 't':
      toggleTraining();
      return true;
    case '.':
      stepOnce();
      return true;
    case 'arrowleft':
      scrubStep(-1);
      return true;
    case 'arrowright':
      scrubStep(1);
      return true;
    case '1':
    case '2':
    case '3':
    case '4':
      targets.showArea(Number(key) - 1);
      return true;
    case 'c':
      store.set({ taken: store.state.active });
      return true;
    case 'p':
      if (store.state.taken) dropBoard(other(store.state.taken));
      return true;
    case '/':
      targets.showPresets();
      return true;
    case '?':
      targets.showHelp();
      return true;
    case 'escape':
      letGo();
      return true;
    default:
      return false;
  }
}

export function onKey(event: KeyboardEvent, targets: KeyTargets): void {
  if (event.defaultPrevented || isTyping(event.target)) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z') {
    event.preventDefault();
    if (event.shiftKey) redo();
    else undo();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (press(event.key.toLowerCase(), targets)) event.preventDefault();
}
