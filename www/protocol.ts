// The words of src/session/protocol.rs, by hand until the generated ones stand in for them.

export type DeviceName = 'cpu' | 'webgpu';
export type ExportKind = 'weights' | 'everything';
export type Stage = 'sensory' | 'analysis' | 'motor';
export type Grid = 'lines' | 'holes' | 'tiles';
export type Shape = 'cross' | 'ring' | 'disc' | 'block';
export type Role = 'first' | 'second' | 'neutral';

export type Select = 'all' | { units: number[] } | { along: { axis: string; indices: number[] } };

export type EditOp =
  | 'zero'
  | 'mean'
  | 'resample'
  | { replace: number[] }
  | { add: number[] }
  | { scale: number }
  | { project_out: number[] };

export interface Edit {
  site: string;
  select?: Select;
  op: EditOp;
}

export type Command =
  | { type: 'catalogue' }
  | {
      type: 'open';
      preset: string;
      set?: Record<string, unknown>;
      seed: number;
      device?: DeviceName;
    }
  | { type: 'advance'; updates: number }
  | { type: 'rewind'; update: number }
  | { type: 'start'; seed?: number }
  | { type: 'step'; state: unknown; action: number }
  | { type: 'inject'; state: unknown }
  | {
      type: 'paint';
      state: unknown;
      row: number;
      column: number;
      brush: number;
    }
  | {
      type: 'shift';
      state: unknown;
      from: [number, number];
      to: [number, number];
    }
  | {
      type: 'look';
      state: unknown;
      checkpoint?: number | undefined;
      search?: boolean;
      edits?: Edit[];
    }
  | { type: 'score'; checkpoint?: number | undefined; edits?: Edit[] }
  | {
      type: 'op';
      op: string;
      parameters?: unknown;
      states?: unknown[];
      checkpoint?: number | undefined;
      edits?: Edit[];
    }
  | {
      type: 'export';
      checkpoint?: number | undefined;
      what?: ExportKind;
    }
  | { type: 'import'; bytes: Uint8Array; device?: DeviceName };

export type Event =
  | ({ type: 'catalogue' } & Catalogue)
  | ({ type: 'opened' } & RunInfo)
  | { type: 'update'; update: number; metrics: Record<string, number> }
  | { type: 'checkpoint'; update: number; scores: Number[] }
  | { type: 'finished'; update: number }
  | ({ type: 'state' } & StateView)
  | ({ type: 'view' } & View)
  | { type: 'scores'; update: number; scores: Number[] }
  | { type: 'progress'; done: number; total: number }
  | { type: 'figures'; update: number; figures: Figure[]; numbers: Number[] }
  | { type: 'file'; name: string; bytes: Uint8Array }
  | { type: 'error'; code: string; message: string };

export interface Catalogue {
  environments: Entry[];
  agents: Entry[];
  models: Entry[];
  ops: OpEntry[];
  presets: PresetEntry[];
  devices: DeviceName[];
}

export interface Entry {
  id: string;
  title: string;
  summary: string;
  schema: unknown;
}

export interface OpEntry extends Entry {
  num_states: number;
}

export interface PresetEntry {
  id: string;
  title: string;
  summary: string;
  problem: string;
  environment: string;
  model: string;
  agent: string;
  updates: number;
  parameters: Record<string, unknown>;
  ops: string[];
  states: unknown[];
  claims: Claim[];
}

export interface Claim {
  metric: string;
  at_most: number | null;
  at_least: number | null;
  reason: string;
}

export interface RunInfo {
  preset: string;
  environment: string;
  model: string;
  agent: string;
  parameters: Record<string, unknown>;
  seed: number;
  device: DeviceName;
  update: number;
  updates: number;
  checkpoints: number[];
  num_weights: number;
  sites: Site[];
  observation: Axis[];
  actions: string[];
  concepts: Concept[];
  searches: boolean;
  metrics: MetricInfo[];
  scores: MetricInfo[];
}

export interface MetricInfo {
  id: string;
  name: string;
  lane: string | null;
}

export interface StateView {
  state: unknown;
  scene: Scene;
  player: number;
  legal: number[];
  reward: number;
  terminated: boolean;
  truncated: boolean;
}

export interface View {
  update: number;
  at: StateView;
  network: Decision | null;
  search: Decision | null;
  optimum: Optimum | null;
  concepts: number[];
  sites: number[][];
}

export interface Decision {
  action: number;
  policy: number[];
  value: number;
  logits: number[];
  visits: number[];
  q: (number | null)[];
  simulations: number;
}

export interface Axis {
  name: string;
  len: number;
  labels: string[];
}

export interface Concept {
  id: string;
  summary: string;
  binary: boolean;
}

export interface Optimum {
  value: number;
  action_values: (number | null)[];
  method: string;
  exact: boolean;
}

export interface Site {
  name: string;
  axes: Axis[];
  stage: Stage;
}

export interface Scene {
  rows: number;
  columns: number;
  grid: Grid;
  sprites: Sprite[];
  targets: Target[];
  brushes: Brush[];
  status: string;
}

export interface Sprite {
  row: number;
  column: number;
  shape: Shape;
  role: Role;
  name: string;
  emphasis: boolean;
}

export interface Target {
  action: number;
  row: number;
  column: number;
  legal: boolean;
  shown: boolean;
}

export interface Brush {
  name: string;
  shape: Shape | null;
  role: Role;
}

export interface Figure {
  title: string;
  caption: string;
  body: Body;
  numbers: Number[];
}

export interface Number {
  id: string;
  name: string;
  value: number;
  out_of: number | null;
  unit: string;
  control: boolean;
}

export type Body =
  | {
      type: 'heatmap';
      rows: Scale;
      columns: Scale;
      values: (number | null)[];
      colour: Colour;
    }
  | { type: 'maps'; panels: Panel[]; colour: Colour }
  | { type: 'lines'; x: Scale; y: Scale; series: Series[] }
  | { type: 'bars'; x: Scale; bars: Bar[] }
  | { type: 'table'; columns: string[]; rows: Cell[][] }
  | {
      type: 'board';
      scene: Scene;
      values: (number | null)[];
      colour: Colour;
    };

export interface Panel {
  name: string;
  site: string;
  rows: number;
  columns: number;
  values: (number | null)[];
  labels: string[];
}

export interface Scale {
  name: string;
  unit: string;
  labels: string[];
  domain: [number, number] | null;
}

export type Colour =
  | { kind: 'diverging'; limit: number; name: string }
  | { kind: 'sequential'; limit: number; name: string };

export interface Series {
  name: string;
  points: [number, number][];
  control: boolean;
}

export interface Bar {
  name: string;
  value: number;
  control: number | null;
  site: string;
  unit: number | null;
}

export type Cell = number | string;
