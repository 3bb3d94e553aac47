// Runs the engine. One request at a time, in the order in which they came; training gives way to
// them between updates, so that a look is answered while the agent learns.

import type { FromWorker, ToWorker } from './messages';
import type { Command, Event } from './protocol';

interface Engine {
  handle(command: Command, onEvent: (event: Event) => void): Promise<void>;
}

interface EngineModule {
  default(options: { module_or_path: Response }): Promise<unknown>;
  Glassbox: new (stillWaits: () => boolean | Promise<boolean>) => Engine;
}

interface Request {
  id: number;
  command: Command;
}

const queue: Request[] = [];
let engine: Engine | null = null;
let training: { id: number; updates: number } | null = null;
let running = false;
let cancelled = false;
let breathed = 0;

/** An op lets messages in this often, so that it can be called off. */
const BREATH_MS = 30;

function post(message: FromWorker): void {
  self.postMessage(message);
}

async function load(base: string): Promise<void> {
  const module = (await import(/* @vite-ignore */ `${base}glassbox.js`)) as EngineModule;
  const response = await fetch(`${base}glassbox_bg.wasm`);
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${response.statusText}`);
  post({ kind: 'loading', bytes: Number(response.headers.get('content-length')) || null });
  await module.default({ module_or_path: response });
  engine = new module.Glassbox(stillWaits);
  post({ kind: 'ready' });
}

/** Handles one request and says whether it went well. */
async function handle(id: number, command: Command): Promise<boolean> {
  let well = true;
  await engine?.handle(command, (event) => {
    if (event.type === 'error' || event.type === 'finished') well = false;
    post({ kind: 'event', id, event });
  });
  return well;
}

/** One update of training, or the end of it. */
async function advance(job: { id: number; updates: number }): Promise<void> {
  job.updates -= 1;
  const goesOn = job.updates >= 0 && (await handle(job.id, { type: 'advance', updates: 1 }));
  if (goesOn && job.updates > 0) return;
  training = null;
  post({ kind: 'done', id: job.id });
}

/** Lets messages that wait at the door come in. */
function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Whether the answer to the running request is still waited for. */
function stillWaits(): boolean | Promise<boolean> {
  if (performance.now() - breathed < BREATH_MS) return !cancelled;
  return breathe().then(() => {
    breathed = performance.now();
    return !cancelled;
  });
}

/** Ops that wait for an update to end are called off before they begin. */
function dropWaitingOps(): void {
  const message = 'cancelled; everything is as it was before';
  for (const request of queue.filter(({ command }) => command.type === 'op')) {
    queue.splice(queue.indexOf(request), 1);
    post({ kind: 'event', id: request.id, event: { type: 'error', code: 'cancelled', message } });
    post({ kind: 'done', id: request.id });
  }
}

async function pump(): Promise<void> {
  if (running || !engine) return;
  running = true;
  try {
    for (;;) {
      const request = queue.shift();
      if (request?.command.type === 'advance' && !training) {
        training = { id: request.id, updates: request.command.updates };
      } else if (request) {
        cancelled = false;
        breathed = performance.now();
        await handle(request.id, request.command);
        post({ kind: 'done', id: request.id });
      } else if (training) {
        await advance(training);
        await breathe();
      } else {
        break;
      }
    }
  } catch (why) {
    die(why);
  }
  running = false;
}

function die(why: unknown): void {
  engine = null;
  training = null;
  post({ kind: 'dead', why: String(why) });
}

// A panic inside a future never settles its promise: it surfaces here instead.
self.addEventListener('error', (event) => die(event.message));
self.addEventListener('unhandledrejection', (event) => die(event.reason));

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  switch (data.kind) {
    case 'load':
      await load(data.base).catch(die);
      break;
    case 'request':
      queue.push(data);
      break;
    case 'pause':
      // The update that runs is finished, and told, first.
      if (training) training.updates = 0;
      break;
    case 'cancel':
      cancelled = true;
      dropWaitingOps();
      break;
  }
  await pump();
};
