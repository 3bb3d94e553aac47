// What the page and its worker say to each other.

import type { Command, Event } from './protocol';

export type ToWorker =
  /** Fetch the engine from this folder. First, and once. */
  | { kind: 'load'; base: string }
  | { kind: 'request'; id: number; command: Command }
  /** Stop the running `advance` after its present update. */
  | { kind: 'pause' }
  /** Call off the running op and those that wait: they end with the error `cancelled`. */
  | { kind: 'cancel' };

export type FromWorker =
  | { kind: 'loading'; bytes: number | null }
  | { kind: 'ready' }
  | { kind: 'event'; id: number; event: Event }
  | { kind: 'done'; id: number }
  /** The engine is gone: it could not be loaded, or it panicked. */
  | { kind: 'dead'; why: string };
