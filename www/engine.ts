// The one engine in use, and how its errors reach the page.

import { Client, EngineError, type EventOf } from './client';
import type { Command, DeviceName, Event } from './protocol';
import { type PageError, store } from './store';

let client: Client | null = null;

/** A module of one function that uses a 128-bit vector instruction. */
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
  253, 98, 11,
]);

export function hasSimd(): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(SIMD_PROBE);
}

/** Starts an engine in place of the old one; resolves when it can be asked. */
export function startEngine(device: DeviceName, onDead: (why: string) => void): Promise<void> {
  client?.terminate();
  store.set({ engine: { status: 'loading', bytes: null }, device });
  return new Promise((resolve, reject) => {
    client = new Client(device, {
      onLoading: (bytes) => store.set({ engine: { status: 'loading', bytes } }),
      onReady: () => {
        store.set({ engine: { status: 'ready' } });
        resolve();
      },
      onDead: (why) => {
        client = null;
        onDead(why);
        reject(new EngineError('dead', why));
      },
    });
  });
}

function current(): Client {
  if (!client) throw new EngineError('dead', 'the engine is not running');
  return client;
}

export async function request(command: Command, onEvents: (events: Event[]) => void) {
  await current().request(command, onEvents);
}

export async function ask<T extends Event['type']>(type: T, command: Command): Promise<EventOf<T>> {
  return current().ask(type, command);
}

export function pauseEngine(): void {
  client?.pause();
}

/** Calls running ops off; each ends with the error `cancelled`, and nothing has changed. */
export function cancelOps(): void {
  client?.cancel();
}

/** Does what the visitor asked for; an error is shown at `place`. Says whether it went well. */
export async function attempt(
  place: PageError['place'],
  work: () => Promise<void>,
): Promise<boolean> {
  if (store.state.error?.place === place) dismissError();
  return report(place, work);
}

/** The same for work that the page does by itself: what is told already stays. */
export async function report(
  place: PageError['place'],
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (why) {
    if (!(why instanceof EngineError)) throw why;
    // A dead engine has its own bar, with a way to go on; what was called off needs none.
    if (why.code !== 'dead' && why.code !== 'cancelled')
      store.set({ error: { code: why.code, message: why.message, place } });
    return false;
  }
}

export function dismissError(): void {
  store.set({ error: null });
}
