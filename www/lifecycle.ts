// From the page's start to the death of a worker, and on from there.

import { setUpBoards } from './boards';
import { EngineError } from './client';
import { ask, attempt, cancelOps, hasSimd, request, startEngine } from './engine';
import { look, scoreEdits } from './look';
import { opsEnded } from './ops';
import type { DeviceName, PresetEntry } from './protocol';
import { open, pause, reset, takeReports, train } from './run';
import { keepRun, keptRun } from './safe';
import { pastUpTo, store } from './store';
import { type Link, readLink } from './url';

/** An engine that takes longer to end what was called off hangs. */
const ANSWER_MS = 2000;

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
  if (link.preset && link.preset !== preset.id) {
    const named = `names the preset "${link.preset}", which is not here`;
    await openInstead(preset, `${named}; ${preset.title} is open instead`);
  } else if (await open(preset, link)) {
    await followLink(link, preset);
  } else if (store.state.error) {
    const { message } = store.state.error;
    await openInstead(preset, `cannot be followed: ${message}. ${preset.title} is open as it is`);
  }
}

/** Opens a preset in place of what a link asks for, and says why. */
async function openInstead(preset: PresetEntry, why: string): Promise<void> {
  await open(preset, readLink(''));
  store.set({ error: { code: 'link', message: `This link ${why}.`, place: 'page' } });
}

/** What a link says beyond the run's start: boards, edits, op, and how far to train. */
async function followLink(link: Link, preset: PresetEntry): Promise<void> {
  if (link.boards.length > 0) await setUpBoards(link.boards.slice(0, 2), preset.states);
  if (link.edits.length > 0) store.set({ edits: link.edits });
  const op = store.state.catalogue?.ops.find(({ id }) => id === link.op)?.id ?? store.state.op;
  if (op) {
    const { opParameters, live } = store.state;
    store.set({
      op,
      opParameters: { ...opParameters, [op]: link.parameters },
      live: { ...live, [op]: link.live },
    });
  }
  await look();
  if (link.unread.length > 0) {
    const message = `These parts of the link could not be read and were left out: ${link.unread.join(', ')}.`;
    store.set({ error: { code: 'link', message, place: 'page' } });
  }
  if (link.checkpoint) await train(link.checkpoint);
  else scoreEdits();
}

function onDead(why: string): void {
  store.set({
    engine: { status: 'dead', why, safe: keptRun()?.update ?? null },
    training: false,
    busy: null,
  });
}

/** Starts an engine and goes on from what was kept; without that, from update 0. */
async function resume(device: DeviceName): Promise<void> {
  const before = store.state;
  const { catalogue, checkpoints, scrubbed } = before;
  if (!catalogue) {
    await boot({ ...readLink(location.search), device });
    return;
  }
  const kept = keptRun();
  await startEngine(device, onDead);
  if (!kept) {
    await reset();
    return;
  }
  await request({ type: 'import', bytes: kept.bytes, device }, takeReports);
  const { run, update, checkpoints: reported } = store.state;
  const isKnown = (at: number) => run?.checkpoints.includes(at) === true;
  const told = new Set(reported.map((point) => point.update));
  store.set({
    ...pastUpTo(update, before),
    checkpoints: [
      ...checkpoints.filter((point) => isKnown(point.update) && !told.has(point.update)),
      ...reported,
    ],
    scrubbed: scrubbed !== null && isKnown(scrubbed) ? scrubbed : null,
  });
  await look();
}

/** Takes a new worker in place of a dead or busy one. */
export async function recover(): Promise<void> {
  await recoverOn(store.state.device);
}

/** Calls the running op off; an engine that does not answer is replaced. */
export async function cancel(): Promise<void> {
  const { busy } = store.state;
  if (!busy || busy.cancelling) return;
  store.set({ busy: { ...busy, cancelling: true } });
  cancelOps();
  const late = new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  await Promise.race([opsEnded(), late]);
  if (store.state.busy?.started === busy.started) await recover();
}

/** The same, on another device. */
export async function recoverOn(device: DeviceName): Promise<void> {
  store.set({ training: false, busy: null });
  await attempt('page', () => resume(device));
}

/** Moves the run to another device; where that is not to be had, it goes on where it was. */
export async function setDevice(device: DeviceName): Promise<void> {
  const { device: before, engine } = store.state;
  if (device === before && engine.status === 'ready') return;
  pause();
  await keepRun(true);
  await attempt('page', async () => {
    try {
      await resume(device);
    } catch (why) {
      if (!(why instanceof EngineError)) throw why;
      await resume(before);
      throw new EngineError('device', `the other device could not be used: ${why.message}`);
    }
  });
}
