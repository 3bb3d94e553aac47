// The URL is the state: every experiment is a link.

import type { DeviceName, Edit } from './protocol';
import type { State } from './store';

/** What a link says; what it leaves out is the preset's. */
export interface Link {
  preset: string | null;
  seed: number;
  set: Record<string, unknown>;
  /** The checkpoint to look at; the run is trained up to it first. */
  checkpoint: number | null;
  /** `[clean, corrupt]`, or nothing. */
  boards: unknown[];
  edits: Edit[];
  op: string | null;
  parameters: Record<string, unknown>;
  /** Whether that op is run again after each checkpoint. */
  live: boolean;
  device: DeviceName;
  /** Parts of the link that could not be read, and were left out. */
  unread: string[];
}

/** `text` as JSON of the right form, or nothing. */
function json(text: string, fits: (value: unknown) => boolean): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return fits(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value has the form of an edit; whether its site exists, the engine says. */
function isEdit(value: unknown): value is Edit {
  if (!isObject(value) || typeof value.site !== 'string') return false;
  const { select = 'all', op } = value;
  const chosen = isObject(select) && (isObject(select.along) ? select.along.indices : select.units);
  return (select === 'all' || Array.isArray(chosen)) && (typeof op === 'string' || isObject(op));
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export function readLink(search: string): Link {
  const query = new URLSearchParams(search);
  const unread: string[] = [];
  const part = <T>(name: string, fallback: T, read: (text: string) => unknown): T => {
    const text = query.get(name);
    if (text === null) return fallback;
    const value = read(text);
    if (value === undefined) unread.push(name);
    return value === undefined ? fallback : (value as T);
  };
  const list = (text: string) => json(text, Array.isArray);
  const object = (text: string) => json(text, isObject);
  const areEdits = (value: unknown) => Array.isArray(value) && value.every(isEdit);
  const link = {
    preset: query.get('preset'),
    seed: part('seed', 0, wholeNumber),
    set: part('set', {}, object),
    checkpoint: part('checkpoint', null, wholeNumber),
    boards: part('boards', [], list),
    edits: part('edits', [], (text) => json(text, areEdits)),
    op: query.get('op'),
    parameters: part('parameters', {}, object),
    live: part('live', false, (text) => json(text, (value) => typeof value === 'boolean')),
    device: part<DeviceName>('device', 'cpu', (text) =>
      ['cpu', 'webgpu'].includes(text) ? text : undefined,
    ),
  };
  return { ...link, unread };
}

/** The query of the present experiment; what is as the preset has it is left out. */
export function writeLink(state: State): string {
  const { run, set, scrubbed, boards, edits, op, opParameters, device, catalogue } = state;
  if (!run) return '';
  const query = new URLSearchParams({ preset: run.preset, seed: String(run.seed) });
  const put = (name: string, value: unknown) => query.set(name, JSON.stringify(value));
  if (Object.keys(set).length > 0) put('set', set);
  const checkpoint = scrubbed ?? (state.training ? 0 : state.update);
  if (checkpoint > 0) query.set('checkpoint', String(checkpoint));
  const shown = [boards.clean, boards.corrupt].flatMap((board) => (board ? [board.state] : []));
  const preset = catalogue?.presets.find(({ id }) => id === run.preset);
  if (JSON.stringify(shown) !== JSON.stringify(preset?.states ?? [])) put('boards', shown);
  if (edits.length > 0) put('edits', edits);
  if (op && op !== preset?.ops[0]) query.set('op', op);
  const parameters = op ? opParameters[op] : undefined;
  if (parameters && Object.keys(parameters).length > 0) put('parameters', parameters);
  if (op && state.live[op]) put('live', true);
  if (device !== 'cpu') query.set('device', device);
  return `?${query}`;
}
