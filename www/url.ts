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
  device: DeviceName;
}

function json<T>(text: string | null, fallback: T, fits: (value: unknown) => boolean): T {
  if (text === null) return fallback;
  try {
    const value: unknown = JSON.parse(text);
    return fits(value) ? (value as T) : fallback;
  } catch {
    return fallback;
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

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

export function readLink(search: string): Link {
  const query = new URLSearchParams(search);
  return {
    preset: query.get('preset'),
    seed: wholeNumber(query.get('seed')) ?? 0,
    set: json(query.get('set'), {}, isObject),
    checkpoint: wholeNumber(query.get('checkpoint')),
    boards: json(query.get('boards'), [], Array.isArray),
    edits: json(query.get('edits'), [], (value) => Array.isArray(value) && value.every(isEdit)),
    op: query.get('op'),
    parameters: json(query.get('parameters'), {}, isObject),
    device: query.get('device') === 'webgpu' ? 'webgpu' : 'cpu',
  };
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
  if (device !== 'cpu') query.set('device', device);
  return `?${query}`;
}
