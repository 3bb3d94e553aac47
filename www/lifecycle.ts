// From the page's start to the death of a worker, and on from there.

import { setUpBoards } from './boards';
import { ask, attempt, hasSimd, report, request, startEngine } from './engine';
import { look, scoreEdits } from './look';
import type { DeviceName, PresetEntry } from './protocol';
import { open, openPreset, reset, takeReports, train } from './run';
import { keptRun } from './safe';
import { store } from './store';
import { type Link, readLink } from './url';

/** Starts the engine and opens what the link says. */
export async function boot(link: Link): Promise<void> {
  if (!hasSimd()) {
    store.set({ engine: { status: 'unsupported' } });
    return;
  }
  await attempt('page', async () => {
    await startEngine(link.device, onDead);
    const catalogue = await ask('catalogue', { type: 'catalogue' });
    store.set({ catalogue });
  });
  const { catalogue } = store.state;
  if (!catalogue) return;
  const { presets } = catalogue;
  const preset = presets.find(({ id }) => id === link.preset) ?? presets[0];
  if (!preset) return;
  if (!link.preset || link.preset === preset.id) {
    if (await open(preset, link)) await followLink(link, preset);
    return;
  }
  await open(preset, readLink(''));
  const message = `This link names the preset "${link.preset}", which is not here; ${preset.title} is open instead.`;
  store.set({ error: { code: 'link', message, place: 'page' } });
}

/** What a link says beyond the run's start: boards, edits, op, and how far to train. */
async function followLink(link: Link, preset: PresetEntry): Promise<void> {
  if (link.boards.length > 0) {
    const well = await attempt('world', () => setUpBoards(link.boards.slice(0, 2)));
    if (!well) await report('world', () => setUpBoards(preset.states));
  }
  if (link.edits.length > 0) store.set({ edits: link.edits });
  const op = store.state.catalogue?.ops.find(({ id }) => id === link.op)?.id ?? store.state.op;
  if (op) store.set({ op, opParameters: { ...store.state.opParameters, [op]: link.parameters } });
  await look();
  if (link.checkpoint) await train(link.checkpoint);
  else scoreEdits();
}

/** Moves the run to another device; it starts again from update 0. */
export async function setDevice(device: DeviceName): Promise<void> {
  const { run, set } = store.state;
  if (device === store.state.device && store.state.engine.status === 'ready') return;
  await attempt('page', async () => {
    await startEngine(device, onDead);
    store.set({ training: false, busy: null });
    if (run) await openPreset(run.preset, run.seed, set);
  });
}

function onDead(why: string): void {
  store.set({
    engine: { status: 'dead', why, safe: keptRun()?.update ?? null },
    training: false,
    busy: null,
  });
}

/** Starts a new worker and goes on from what was kept. */
export async function recover(): Promise<void> {
  const { device, updates, checkpoints, scrubbed } = store.state;
  const kept = keptRun();
  await attempt('page', async () => {
    await startEngine(device, onDead);
    if (!kept) {
      await reset();
      return;
    }
    await request({ type: 'import', bytes: kept.bytes, device }, takeReports);
    const upTo = (point: { update: number }) => point.update <= store.state.update;
    const known = store.state.run?.checkpoints ?? [];
    store.set({
      updates: updates.filter(upTo),
      checkpoints: checkpoints.filter(upTo),
      scrubbed: scrubbed !== null && known.includes(scrubbed) ? scrubbed : null,
    });
    await look();
  });
}
