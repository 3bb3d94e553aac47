import { describe, expect, it } from 'vitest';
import {
  allowed,
  defaultsOf,
  type Field,
  fieldsOf,
  labelOf,
  parse,
  print,
  printIn,
  problem,
  range,
  sliderShare,
  sliderValue,
} from './schema';

const SCHEMA = {
  type: 'object',
  properties: {
    count: { type: 'integer', minimum: 1, maximum: 8, default: 4, description: 'How many.' },
    learning_rate: { type: 'number', exclusiveMinimum: 0, default: 0.001 },
    shuffled: { type: 'boolean', default: false },
    mode: {
      oneOf: [
        { type: 'string', const: 'zero', description: 'Sets to zero.' },
        { type: 'string', const: 'to_mean', description: 'Sets to the mean.' },
      ],
      default: 'zero',
    },
    sites: { type: 'array', items: { type: 'string' }, default: [], 'x-choices': 'sites' },
    actions: { type: 'array', items: { type: 'integer' }, maxItems: 2, default: [] },
    action: { type: ['integer', 'null'], minimum: 0, default: null, 'x-choices': 'actions' },
    site: { anyOf: [{ type: 'string' }, { type: 'null' }], default: null },
  },
};

const FIELDS = fieldsOf(SCHEMA);

function field(name: string): Field {
  const found = FIELDS.find((one) => one.name === name);
  if (!found) throw new Error(`no field ${name}`);
  return found;
}

describe('fieldsOf', () => {
  it('makes one control a parameter, in the order of the schema', () => {
    expect(FIELDS.map((one) => [one.name, one.control.kind])).toEqual([
      ['count', 'number'],
      ['learning_rate', 'number'],
      ['shuffled', 'switch'],
      ['mode', 'select'],
      ['sites', 'list'],
      ['actions', 'list'],
      ['action', 'number'],
      ['site', 'text'],
    ]);
  });

  it('leaves to the engine what is automatic, and says what that is', () => {
    const count = { type: 'integer', minimum: 0, default: 0, 'x-auto': 'as at play' };
    const absent = { type: ['integer', 'null'], default: null };
    const [automatic, optional, plain] = fieldsOf({
      properties: { count, absent, plain: { type: 'integer', default: 0 } },
    });
    if (!automatic || !optional || !plain) throw new Error('no fields');
    expect([automatic, optional, plain].map((one) => one.automatic)).toEqual([
      'as at play',
      'automatic',
      '',
    ]);
    expect([printIn(automatic, 0), printIn(automatic, 3), printIn(plain, 0)]).toEqual([
      '',
      '3',
      '0',
    ]);
    expect(parse(automatic, ' ')).toBe(0);
    expect(parse(optional, '')).toBeNull();
    expect(problem(automatic, parse(automatic, ''))).toBeNull();
    expect(problem(plain, parse(plain, ''))).not.toBeNull();
  });

  it('follows the order of declaration, where the schema tells it', () => {
    const properties = { alpha: { 'x-order': 1 }, beta: {}, zeta: { 'x-order': 0 } };
    expect(fieldsOf({ properties }).map(({ name }) => name)).toEqual(['zeta', 'alpha', 'beta']);
  });

  it('keeps names, descriptions, choices and where a picker takes its own from', () => {
    expect(field('learning_rate').label).toBe('Learning rate');
    expect(labelOf('num_states')).toBe('Number of states');
    expect(field('count').description).toBe('How many.');
    expect(field('mode').control).toEqual({
      kind: 'select',
      choices: [
        { value: 'zero', label: 'zero', description: 'Sets to zero.' },
        { value: 'to_mean', label: 'to mean', description: 'Sets to the mean.' },
      ],
    });
    expect(field('sites').source).toBe('sites');
    expect(field('count').source).toBeNull();
  });

  it('knows what may be left empty', () => {
    expect(field('action').optional).toBe(true);
    expect(field('site').optional).toBe(true);
    expect(field('count').optional).toBe(false);
  });

  it('survives a schema without parameters', () => {
    expect(fieldsOf({ type: 'object' })).toEqual([]);
    expect(fieldsOf(null)).toEqual([]);
  });

  it('starts from the defaults', () => {
    expect(defaultsOf(FIELDS)).toMatchObject({ count: 4, mode: 'zero', sites: [], action: null });
  });
});

describe('problem', () => {
  it('explains a range in words', () => {
    expect(problem(field('count'), 4)).toBeNull();
    expect(problem(field('count'), 9)).toBe('Allowed: a whole number from 1 to 8.');
    expect(problem(field('count'), 2.5)).toBe('Allowed: a whole number from 1 to 8.');
    expect(problem(field('count'), 'four')).toBe('Allowed: a whole number from 1 to 8.');
    expect(problem(field('count'), '')).toBe('Give a whole number from 1 to 8.');
    expect(problem(field('learning_rate'), 0)).toBe('Allowed: a number above 0.');
    expect(problem(field('learning_rate'), 0.1)).toBeNull();
  });

  it('checks choices, switches and lists', () => {
    expect(problem(field('mode'), 'nonsense')).toBe('Allowed: zero or to mean.');
    expect(problem(field('shuffled'), 'yes')).toBe('Allowed: on or off.');
    expect(problem(field('actions'), [1, 'b'])).toBe('b is not a whole number.');
    expect(problem(field('actions'), [1, 2, 3])).toBe('At most 2.');
  });

  it('holds a pick against what the run has', () => {
    const sites = [{ value: 'stem', label: 'stem', description: '' }];
    expect(problem(field('sites'), ['stem'], sites)).toBeNull();
    expect(problem(field('sites'), ['steam'], sites)).toBe('steam is not among stem.');
  });

  it('lets optional fields be empty', () => {
    expect(problem(field('action'), null)).toBeNull();
  });
});

describe('text', () => {
  it('reads numbers, lists and blanks', () => {
    expect(parse(field('count'), ' 5 ')).toBe(5);
    expect(parse(field('count'), '−2')).toBe(-2);
    expect(parse(field('count'), 'five')).toBe('five');
    expect(parse(field('actions'), '1, 2 3')).toEqual([1, 2, 3]);
    expect(parse(field('sites'), '')).toEqual([]);
    expect(parse(field('action'), '')).toBeNull();
  });

  it('prints what it reads', () => {
    expect(print([1, 2])).toBe('1, 2');
    expect(print(null)).toBe('');
  });

  it('says ranges short and long', () => {
    expect(range(field('count').control)).toBe('1–8');
    expect(range(field('learning_rate').control)).toBe('above 0');
    expect(allowed(field('sites'))).toBe('names separated by commas');
  });
});

describe('sliders', () => {
  it('go in equal steps over a narrow range', () => {
    expect(sliderShare(3, 1, 5)).toBe(0.5);
    expect(sliderValue(0.5, 1, 5, true)).toBe(3);
    expect(sliderValue(0.333333, 0, 1, false)).toBe(0.333);
  });

  it('go in equal factors over a wide one', () => {
    expect(sliderShare(0.001, 1e-6, 1)).toBeCloseTo(0.5);
    expect(sliderValue(0.5, 1e-6, 1, false)).toBe(0.001);
    expect(sliderValue(0.5, 16, 4096, true)).toBe(256);
  });

  it('reach both ends and stay between them', () => {
    expect(sliderValue(1, 16, 4096, true)).toBe(4096);
    expect(sliderValue(0, 16, 4096, true)).toBe(16);
    expect(sliderShare(99, 1, 5)).toBe(1);
    expect(sliderShare(-1, 1, 1000)).toBe(0);
  });
});
