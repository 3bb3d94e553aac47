// Reads the JSON schema of an entry's parameters as the fields of a form, and checks what is typed.

import { formatNumber } from './format';

/** Where a picker takes its choices from; the run knows them, the schema does not. */
export type ChoiceSource = string;

export interface Choice {
  value: unknown;
  label: string;
  description: string;
}

export type Control =
  | { kind: 'number'; integer: boolean; low: Bound | null; high: Bound | null }
  | { kind: 'switch' }
  | { kind: 'select'; choices: Choice[] }
  | { kind: 'text' }
  | { kind: 'list'; items: 'number' | 'integer' | 'string'; most: number | null };

export interface Bound {
  value: number;
  exclusive: boolean;
}

/** One parameter. */
export interface Field {
  name: string;
  label: string;
  description: string;
  unit: string;
  control: Control;
  fallback: unknown;
  /** It may be left empty. */
  optional: boolean;
  source: ChoiceSource | null;
  /** What the fallback stands for, where it is chosen for the visitor; empty where it is a plain value. */
  automatic: string;
}

export type Values = Record<string, unknown>;

type Node = Record<string, unknown>;

/** The fields of a parameter schema, in the order of what they were declared in. */
export function fieldsOf(schema: unknown): Field[] {
  const properties = asNode(asNode(schema).properties);
  const place = (property: unknown) => asNumber(asNode(property)['x-order']) ?? Infinity;
  return Object.entries(properties)
    .sort(([, one], [, other]) => place(one) - place(other) || 0)
    .map(([name, property]) => fieldOf(name, asNode(property)));
}

/** The values of a form before anyone touched it. */
export function defaultsOf(fields: Field[]): Values {
  return Object.fromEntries(fields.map((field) => [field.name, field.fallback]));
}

/** What is wrong with a value, and what is allowed, in words; null when it is fine. */
export function problem(field: Field, value: unknown, choices: Choice[] = []): string | null {
  if (value === null || value === undefined || value === '') {
    return field.optional || field.control.kind === 'text' ? null : `Give ${allowed(field)}.`;
  }
  const { control } = field;
  switch (control.kind) {
    case 'number':
      return isWithin(value, control) ? null : `Allowed: ${allowed(field)}.`;
    case 'switch':
      return typeof value === 'boolean' ? null : 'Allowed: on or off.';
    case 'select':
      return isAmong(value, control.choices) ? null : `Allowed: ${allowed(field)}.`;
    case 'list':
      return listProblem(value, control) ?? pickProblem(field, value, choices);
    case 'text':
      return typeof value === 'string' ? pickProblem(field, value, choices) : 'Give a word.';
  }
}

/** What a field allows, in words. */
export function allowed(field: Field): string {
  const { control } = field;
  switch (control.kind) {
    case 'number': {
      const noun = control.integer ? 'a whole number' : 'a number';
      const low =
        control.low && `${control.low.exclusive ? 'above ' : ''}${formatNumber(control.low.value)}`;
      const high =
        control.high &&
        `${control.high.exclusive ? 'below ' : ''}${formatNumber(control.high.value)}`;
      if (low && high)
        return control.low?.exclusive
          ? `${noun} ${low}, up to ${high}`
          : `${noun} from ${low} to ${high}`;
      if (low) return control.low?.exclusive ? `${noun} ${low}` : `${noun} of at least ${low}`;
      if (high) return control.high?.exclusive ? `${noun} ${high}` : `${noun} of at most ${high}`;
      return noun;
    }
    case 'switch':
      return 'on or off';
    case 'select':
      return control.choices.map((choice) => choice.label).join(' or ');
    case 'list':
      return control.items === 'string'
        ? 'names separated by commas'
        : `${control.items === 'integer' ? 'whole numbers' : 'numbers'} separated by commas`;
    case 'text':
      return 'a word';
  }
}

/** The range of a number, short enough to stand beside its label; empty without one. */
export function range(control: Control): string {
  if (control.kind !== 'number') return '';
  const { low, high } = control;
  if (low && high) return `${formatNumber(low.value)}–${formatNumber(high.value)}`;
  if (low) return `${low.exclusive ? 'above' : 'from'} ${formatNumber(low.value)}`;
  return high ? `up to ${formatNumber(high.value)}` : '';
}

/** Where a number stands on its slider, from 0 to 1. */
export function sliderShare(value: number, low: number, high: number): number {
  const share = spansMagnitudes(low, high)
    ? Math.log(value / low) / Math.log(high / low)
    : (value - low) / (high - low || 1);
  return Math.min(1, Math.max(0, Number.isNaN(share) ? 0 : share));
}

/** The number at a place of its slider, to three significant digits, or whole. */
export function sliderValue(share: number, low: number, high: number, integer: boolean): number {
  if (share <= 0) return low;
  if (share >= 1) return high;
  const value = spansMagnitudes(low, high)
    ? low * (high / low) ** share
    : low + share * (high - low);
  return integer ? Math.round(value) : Number(value.toPrecision(3));
}

/** Whether a range is so wide that equal steps should be equal factors. */
function spansMagnitudes(low: number, high: number): boolean {
  return low > 0 && high / low >= 100;
}

/** What was typed, as a value of the field; text that cannot be read stays text. */
export function parse(field: Field, text: string): unknown {
  const { control } = field;
  const trimmed = text.trim();
  if (trimmed === '') {
    if (field.automatic) return field.fallback;
    return control.kind === 'list' ? [] : '';
  }
  if (control.kind === 'number') return readNumber(trimmed);
  if (control.kind !== 'list') return trimmed;
  const parts = trimmed.split(/[\s,]+/).filter((part) => part !== '');
  return control.items === 'string' ? parts : parts.map(readNumber);
}

/** A value as text for an input; empty where it is left to the engine. */
export function printIn(field: Field, value: unknown): string {
  return isAutomatic(field, value) ? '' : print(value);
}

/** Whether a value is one that is chosen for the visitor. */
export function isAutomatic({ automatic, fallback }: Field, value: unknown): boolean {
  return automatic !== '' && JSON.stringify(value) === JSON.stringify(fallback);
}

/** A value as text. */
export function print(value: unknown): string {
  if (value === null || value === undefined) return '';
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** `learning_rate` as `Learning rate`. */
export function labelOf(name: string): string {
  const words = name.replace(/^num_/, 'number of ').replaceAll('_', ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function fieldOf(name: string, property: Node): Field {
  const { node, optional } = unwrapped(property);
  return {
    name,
    label: labelOf(name),
    description: asText(property.description) || asText(node.description),
    unit: asText(property['x-unit']),
    control: controlOf(node),
    fallback: property.default ?? null,
    optional,
    source: asText(property['x-choices']) || null,
    automatic: asText(property['x-auto']) || (optional ? 'automatic' : ''),
  };
}

/** A schema without its null alternative, and whether it had one. */
function unwrapped(property: Node): { node: Node; optional: boolean } {
  if (Array.isArray(property.type)) {
    const types = property.type.filter((type) => type !== 'null');
    return { node: { ...property, type: types[0] }, optional: types.length < property.type.length };
  }
  const variants = asNodes(property.anyOf);
  const some = variants.filter((variant) => variant.type !== 'null');
  if (some.length === 1 && some[0]) {
    return { node: { ...property, ...some[0] }, optional: some.length < variants.length };
  }
  return { node: property, optional: false };
}

function controlOf(node: Node): Control {
  const choices = choicesOf(node);
  if (choices.length > 0) return { kind: 'select', choices };
  switch (node.type) {
    case 'boolean':
      return { kind: 'switch' };
    case 'integer':
    case 'number':
      return {
        kind: 'number',
        integer: node.type === 'integer',
        low: boundOf(node, 'minimum', 'exclusiveMinimum'),
        high: boundOf(node, 'maximum', 'exclusiveMaximum'),
      };
    case 'array':
      return { kind: 'list', items: itemsOf(node), most: asNumber(node.maxItems) };
    default:
      return { kind: 'text' };
  }
}

function choicesOf(node: Node): Choice[] {
  if (Array.isArray(node.enum)) {
    return node.enum
      .filter((value) => value !== null)
      .map((value) => ({ value, label: words(value), description: '' }));
  }
  return asNodes(node.oneOf).flatMap((variant) => {
    const description = asText(variant.description);
    if (Array.isArray(variant.enum)) {
      return variant.enum.map((value) => ({ value, label: words(value), description }));
    }
    return 'const' in variant
      ? [{ value: variant.const, label: words(variant.const), description }]
      : [];
  });
}

function boundOf(node: Node, inclusive: string, exclusive: string): Bound | null {
  const open = asNumber(node[exclusive]);
  if (open !== null) return { value: open, exclusive: true };
  const closed = asNumber(node[inclusive]);
  return closed === null ? null : { value: closed, exclusive: false };
}

function itemsOf(node: Node): 'number' | 'integer' | 'string' {
  const { type } = asNode(node.items);
  return type === 'number' || type === 'integer' ? type : 'string';
}

function isWithin(value: unknown, control: Extract<Control, { kind: 'number' }>): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  if (control.integer && !Number.isInteger(value)) return false;
  const { low, high } = control;
  if (low && (low.exclusive ? value <= low.value : value < low.value)) return false;
  return !(high && (high.exclusive ? value >= high.value : value > high.value));
}

function isAmong(value: unknown, choices: Choice[]): boolean {
  return choices.some((choice) => choice.value === value);
}

function listProblem(value: unknown, control: Extract<Control, { kind: 'list' }>): string | null {
  if (!Array.isArray(value)) return 'Give a list.';
  if (control.most !== null && value.length > control.most) return `At most ${control.most}.`;
  if (control.items === 'string') return null;
  const wrong = value.find(
    (item) => typeof item !== 'number' || (control.items === 'integer' && !Number.isInteger(item)),
  );
  if (wrong === undefined) return null;
  return `${String(wrong)} is not a ${control.items === 'integer' ? 'whole ' : ''}number.`;
}

function pickProblem(field: Field, value: unknown, choices: Choice[]): string | null {
  if (!field.source || choices.length === 0) return null;
  const picked = Array.isArray(value) ? value : [value];
  const wrong = picked.find((item) => item !== '' && !isAmong(item, choices));
  if (wrong === undefined) return null;
  return `${String(wrong)} is not among ${choices.map((choice) => choice.label).join(', ')}.`;
}

function readNumber(text: string): unknown {
  const number = Number(text.replace('−', '-'));
  return Number.isNaN(number) ? text : number;
}

function words(value: unknown): string {
  return typeof value === 'string' ? value.replaceAll('_', ' ') : String(value);
}

function asNode(value: unknown): Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Node)
    : {};
}

function asNodes(value: unknown): Node[] {
  return Array.isArray(value) ? value.map(asNode) : [];
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function asNumber(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
