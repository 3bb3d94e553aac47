// The page's end of the worker: a request is a promise, its events come in batches, one a frame.

import type { FromWorker, ToWorker } from './messages';
import type { Command, DeviceName, Event } from './protocol';

export type EventOf<T extends Event['type']> = Extract<Event, { type: T }>;

/** What the engine said went wrong; the session goes on as it was. */
export class EngineError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Lifecycle {
  onLoading(bytes: number | null): void;
  onReady(): void;
  onDead(why: string): void;
}

interface Pending {
  events: Event[];
  onEvents: (events: Event[]) => void;
  resolve: () => void;
  reject: (why: EngineError) => void;
  done: boolean;
}

/** Events are kept for the next frame; a hidden page has no frames, so a slow timer serves it. */
function nextFrame(callback: () => void): void {
  if (document.hidden) setTimeout(callback, 200);
  else requestAnimationFrame(callback);
}

export class Client {
  #worker: Worker;
  #pending = new Map<number, Pending>();
  #lastId = 0;
  #flushing = false;
  #lifecycle: Lifecycle;

  constructor(device: DeviceName, lifecycle: Lifecycle) {
    this.#lifecycle = lifecycle;
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    this.#worker.onerror = (event) => this.#die(event.message || 'the worker did not start');
    const base = new URL(`./pkg/${device}/`, document.baseURI).href;
    this.#send({ kind: 'load', base });
  }

  /** Sends a request; resolves at its end, rejects with an `EngineError`. */
  request(command: Command, onEvents: (events: Event[]) => void = () => {}): Promise<void> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { events: [], onEvents, resolve, reject, done: false });
      this.#send({ kind: 'request', id, command });
    });
  }

  /** Sends a request and returns its one answer of a given type. */
  async ask<T extends Event['type']>(type: T, command: Command): Promise<EventOf<T>> {
    let answer: EventOf<T> | undefined;
    await this.request(command, (events) => {
      answer ??= events.find((event): event is EventOf<T> => event.type === type);
    });
    if (!answer) throw new EngineError('no_answer', `${command.type} was not answered`);
    return answer;
  }

  /** Stops training after the present update. */
  pause(): void {
    this.#send({ kind: 'pause' });
  }

  /** Calls the running op off, and those that wait: they are rejected as `cancelled`. */
  cancel(): void {
    this.#send({ kind: 'cancel' });
  }

  /** Ends the worker; open requests are rejected. */
  terminate(): void {
    this.#worker.terminate();
    this.#rejectAll('the engine was replaced');
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'loading':
        this.#lifecycle.onLoading(message.bytes);
        break;
      case 'ready':
        this.#lifecycle.onReady();
        break;
      case 'dead':
        this.#die(message.why);
        break;
      case 'event':
        this.#pending.get(message.id)?.events.push(message.event);
        this.#scheduleFlush();
        break;
      case 'done': {
        const pending = this.#pending.get(message.id);
        if (pending) pending.done = true;
        this.#scheduleFlush();
        break;
      }
    }
  }

  #scheduleFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    nextFrame(() => {
      this.#flushing = false;
      for (const [id, pending] of this.#pending) this.#flush(id, pending);
    });
  }

  #flush(id: number, pending: Pending): void {
    const events = pending.events.splice(0);
    const error = events.find((event) => event.type === 'error');
    const good = events.filter((event) => event.type !== 'error');
    if (good.length > 0) pending.onEvents(good);
    if (error) pending.reject(new EngineError(error.code, error.message));
    if (error || pending.done) this.#pending.delete(id);
    if (pending.done) pending.resolve();
  }

  #die(why: string): void {
    this.#worker.terminate();
    this.#rejectAll(why);
    this.#lifecycle.onDead(why);
  }

  #rejectAll(why: string): void {
    for (const pending of this.#pending.values()) pending.reject(new EngineError('dead', why));
    this.#pending.clear();
  }
}
