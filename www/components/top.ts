// The top bar: what is open, its seed and device, training, and files.

import { html, nothing, type TemplateResult } from 'lit';
import {
  exportFile,
  importFile,
  openPreset,
  reset,
  setDevice,
  stepOnce,
  toggleTraining,
  undo,
} from '../actions';
import { formatNumber, formatSeconds } from '../format';
import type { DeviceName } from '../protocol';
import type { State } from '../store';
import { toggleTheme } from '../theme';
import { brandMark, icon } from './icons';

const DEVICES: Record<DeviceName, { name: string; summary: string }> = {
  cpu: { name: 'CPU SIMD', summary: 'The same numbers in every browser' },
  webgpu: { name: 'WebGPU', summary: 'A second, larger engine; for wide networks' },
};

export interface TopActions {
  showPresets(): void;
  showParameters(): void;
  showHelp(): void;
  share(): void;
  shared: boolean;
}

function closeMenu(event: Event): void {
  (event.currentTarget as Element).closest('details')?.removeAttribute('open');
}

/** An entry of a menu: closes it, then acts. */
function entry(name: string, summary: string, act: () => void, checked?: boolean): TemplateResult {
  const run = (event: Event) => {
    closeMenu(event);
    act();
  };
  return html`<button
    role=${checked === undefined ? nothing : 'menuitemradio'}
    aria-checked=${checked ?? nothing}
    @click=${run}
  >
    ${name}<small>${summary}</small>
  </button>`;
}

function pickFile(): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.safetensors';
  input.onchange = async () => {
    const file = input.files?.[0];
    if (file) await importFile(new Uint8Array(await file.arrayBuffer()));
  };
  input.click();
}

function exportEntries(): TemplateResult {
  return html`${entry('Weights', 'safetensors, for PyTorch and others', () => exportFile('weights'))}
  ${entry('Everything', 'with the optimiser and the replay, to train on', () => exportFile('everything'))}`;
}

function deviceEntries({ catalogue, device }: State): TemplateResult[] {
  const others = new Set<DeviceName>(['cpu', 'webgpu', ...(catalogue?.devices ?? [])]);
  return [...others].map((each) =>
    entry(DEVICES[each].name, DEVICES[each].summary, () => setDevice(each), each === device),
  );
}

function deviceChip(state: State): TemplateResult {
  const { secondsTrained, updates, device } = state;
  const each = updates.length > 0 ? secondsTrained / updates.length : 0;
  const time = each < 1 ? `${formatNumber(Math.round(1000 * each))} ms` : formatSeconds(each);
  const speed = each > 0 ? ` · ${time}/update` : '';
  return html`<details class="menu only-wide">
    <summary class="chip" title="Where the tensors live">${DEVICES[device].name}${speed}</summary>
    <div class="list left" role="menu" aria-label="Device">${deviceEntries(state)}</div>
  </details>`;
}

function seedField({ run, set }: State): TemplateResult {
  const change = (event: Event) => {
    const input = event.target as HTMLInputElement;
    const seed = Math.floor(input.valueAsNumber);
    if (!run || !(seed >= 0) || seed === run.seed) input.value = String(run?.seed ?? 0);
    else openPreset(run.preset, seed, set);
  };
  return html`<label class="seed only-wide"
    >seed
    <input type="number" min="0" step="1" .value=${String(run?.seed ?? 0)} ?disabled=${!run} @change=${change} />
  </label>`;
}

function trainButtons({ engine, run: opened, training, update }: State): TemplateResult {
  const run = engine.status === 'ready' ? opened : null;
  const done = run !== null && update >= run.updates;
  return html`<button
      class="btn primary train"
      ?disabled=${!run || (done && !training)}
      title="${training ? 'Pause' : 'Train'} ( T )"
      @click=${toggleTraining}
    >
      ${icon(training ? 'pause' : 'play')}${training ? 'Pause' : done ? 'Trained' : 'Train'}
    </button>
    <button class="btn icon only-middle" aria-label="One update" title="One update ( . )" ?disabled=${!run || training || done} @click=${stepOnce}>
      ${icon('once')}
    </button>
    <button class="btn icon only-middle" aria-label="Reset to update 0" title="Reset to update 0" ?disabled=${!run || update === 0} @click=${reset}>
      ${icon('reset')}
    </button>`;
}

/** On narrow windows, everything that has no room in the bar. */
function moreMenu(state: State, actions: TopActions): TemplateResult {
  return html`<details class="menu only-narrow">
    <summary class="btn quiet icon" aria-label="More">${icon('more')}</summary>
    <div class="list">
      ${entry('Parameters', `seed ${state.run?.seed ?? 0}`, actions.showParameters)}
      ${entry('One update', 'a single step of training', stepOnce)}
      ${entry('Reset', 'back to update 0', reset)}
      ${entry('Share', 'copy the link of this experiment', actions.share)}
      ${exportEntries()} ${entry('Import', 'a file that was exported here', pickFile)}
      ${deviceEntries(state)}
      ${entry('Keys', 'what the keyboard does', actions.showHelp)}
    </div>
  </details>`;
}

export function topBar(state: State, actions: TopActions): TemplateResult {
  const { run, catalogue, canUndo } = state;
  const preset = catalogue?.presets.find(({ id }) => id === run?.preset);
  return html`<header class="top">
    <a class="brand" href="./" aria-label="Glassbox, from the start">${brandMark}<span class="only-wide">Glassbox</span></a>
    <span class="sep only-middle"></span>
    <h1>
      <button class="preset" aria-haspopup="dialog" title="Choose a preset ( / )" ?disabled=${!catalogue} @click=${actions.showPresets}>
        <span>${preset?.title ?? 'Presets'}</span>${icon('down')}
      </button>
    </h1>
    ${seedField(state)} ${deviceChip(state)}
    <button class="btn quiet icon only-wide" aria-label="Parameters of the run" title="Parameters of the run" ?disabled=${!run} @click=${actions.showParameters}>
      ${icon('sliders')}
    </button>
    <span class="grow"></span>
    ${trainButtons(state)}
    <span class="sep only-middle"></span>
    <button class="btn quiet icon only-middle" aria-label="Undo edit" title="Undo edit ( Ctrl Z )" ?disabled=${!canUndo} @click=${undo}>${icon('undo')}</button>
    <button class="btn quiet only-wide" title="Copy the link of this experiment" ?disabled=${!run} @click=${actions.share}>
      ${icon('link')}<span aria-live="polite">${actions.shared ? 'Copied' : 'Share'}</span>
    </button>
    <button class="btn quiet only-wide" title="Open a file that was exported here" @click=${pickFile}>${icon('upload')}Import</button>
    <details class="menu only-wide">
      <summary class="btn quiet">${icon('download')}Export</summary>
      <div class="list">${exportEntries()}</div>
    </details>
    <button class="btn quiet icon only-wide" aria-label="Keys and help" title="Keys and help ( ? )" @click=${actions.showHelp}>${icon('help')}</button>
    <button class="btn quiet icon" aria-label="Light or dark" title="Light or dark" @click=${toggleTheme}>${icon('theme')}</button>
    ${moreMenu(state, actions)}
  </header>`;
}
