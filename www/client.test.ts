import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client, EngineError } from './client';
import type { FromWorker, ToWorker } from './messages';
import type { Event } from './protocol';

class FakeWorker {
  static last: FakeWorker;
  sent: ToWorker[] = [];
  terminated = false;
  onmessage: ((event: { data: FromWorker }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;

  constructor() {
    FakeWorker.last = this;
  }
  postMessage(message: ToWorker): void {
    this.sent.push(message);
  }
  terminate(): void {
    this.terminated = true;
  }
  say(message: FromWorker): void {
    this.onmessage?.({ data: message });
  }
}

const frames: (() => void)[] = [];
const lifecycle = { onLoading: vi.fn(), onReady: vi.fn(), onDead: vi.fn() };
const update = (number: number): Event => ({ type: 'update', update: number, metrics: {} });

function drawFrame(): void {
  for (const callback of frames.splice(0)) callback();
}

beforeEach(() => {
  vi.stubGlobal('Worker', FakeWorker);
  vi.stubGlobal('document', { hidden: false, baseURI: 'http://localhost/page/' });
  vi.stubGlobal('requestAnimationFrame', (callback: () => void) => frames.push(callback));
});

afterEach(() => {
  frames.length = 0;
  vi.unstubAllGlobals();
  vi.clearAllMocks();
});

describe('client', () => {
  it('loads the bundle of its device from beside the page', () => {
    new Client('webgpu', lifecycle);
    expect(FakeWorker.last.sent).toEqual([
      { kind: 'load', base: 'http://localhost/page/pkg/webgpu/' },
    ]);
  });

  it('hands over the events of a frame in one batch, then resolves', async () => {
    const client = new Client('cpu', lifecycle);
    const batches: Event[][] = [];
    const done = client.request({ type: 'advance', updates: 2 }, (events) => batches.push(events));
    FakeWorker.last.say({ kind: 'event', id: 1, event: update(1) });
    FakeWorker.last.say({ kind: 'event', id: 1, event: update(2) });
    FakeWorker.last.say({ kind: 'done', id: 1 });
    expect(batches).toEqual([]);
    drawFrame();
    await done;
    expect(batches).toEqual([[update(1), update(2)]]);
  });

  it('keeps requests apart', async () => {
    const client = new Client('cpu', lifecycle);
    const first = client.ask('finished', { type: 'catalogue' });
    const second = client.ask('finished', { type: 'catalogue' });
    FakeWorker.last.say({ kind: 'event', id: 2, event: { type: 'finished', update: 2 } });
    FakeWorker.last.say({ kind: 'event', id: 1, event: { type: 'finished', update: 1 } });
    FakeWorker.last.say({ kind: 'done', id: 1 });
    FakeWorker.last.say({ kind: 'done', id: 2 });
    drawFrame();
    expect([(await first).update, (await second).update]).toEqual([1, 2]);
  });

  it('rejects with what the engine said', async () => {
    const client = new Client('cpu', lifecycle);
    const asked = client.ask('state', { type: 'start' });
    const event: Event = { type: 'error', code: 'no_run', message: 'no run is open' };
    FakeWorker.last.say({ kind: 'event', id: 1, event });
    FakeWorker.last.say({ kind: 'done', id: 1 });
    drawFrame();
    await expect(asked).rejects.toEqual(new EngineError('no_run', 'no run is open'));
  });

  it('rejects everything that is open when the worker dies', async () => {
    const client = new Client('cpu', lifecycle);
    const asked = client.ask('state', { type: 'start' });
    FakeWorker.last.say({ kind: 'dead', why: 'unreachable' });
    await expect(asked).rejects.toMatchObject({ code: 'dead' });
    expect(lifecycle.onDead).toHaveBeenCalledWith('unreachable');
    expect(FakeWorker.last.terminated).toBe(true);
  });
});
