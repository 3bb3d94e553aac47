import { describe, expect, it } from 'vitest';
import { levelOfRun, levelOfState } from './level';
import type { RunInfo } from './protocol';

const run = (parameters: Record<string, unknown>) => ({ parameters }) as unknown as RunInfo;

describe('the level to train on', () => {
  it('is offered where a run has a parameter for it', () => {
    expect(levelOfRun(run({ 'environment.level': '' }))).toBe('');
    expect(levelOfRun(run({ 'environment.level': '##/##' }))).toBe('##/##');
    expect(levelOfRun(run({ 'environment.side': 9 }))).toBeNull();
    expect(levelOfRun(run({ 'environment.level': 3 }))).toBeNull();
    expect(levelOfRun(null)).toBeNull();
  });

  it('is the rows of a state, where it has some', () => {
    expect(levelOfState({ state: { level: ['###', '#A#', '###'] } })).toBe('###/#A#/###');
    for (const state of [null, 4, {}, { level: [] }, { level: 'A' }, { level: [1, 2] }])
      expect(levelOfState({ state })).toBeNull();
  });
});
