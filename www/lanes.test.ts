import { describe, expect, it } from 'vitest';
import { lanesOf, nearest, valueAt } from './lanes';
import type { RunInfo } from './protocol';
import type { UpdatePoint } from './store';

const RUN = {
  metrics: [
    { id: 'policy_loss', name: 'policy loss', lane: 'loss' },
    { id: 'value_loss', name: 'value loss', lane: 'loss' },
    { id: 'entropy', name: 'entropy', lane: null },
  ],
  scores: [{ id: 'lost', name: 'lines lost', lane: 'lines' }],
} as unknown as RunInfo;

const CLAIM = { metric: 'lost', op: null, set: [], at_most: 0, at_least: null, reason: '' };

const score = (value: number) => [
  { id: 'lost', name: 'lines lost', value, out_of: 533, unit: '', control: false },
];

describe('lanesOf', () => {
  it('groups curves by lane, before there is any data', () => {
    const lanes = lanesOf(RUN, [], [], []);
    expect(lanes.map(({ name, curves }) => [name, curves.map(({ id }) => id)])).toEqual([
      ['loss', ['policy_loss', 'value_loss']],
      ['lines', ['lost']],
    ]);
    expect(lanes[0]?.domain).toEqual([0, 1]);
  });

  it('spans zero and the data', () => {
    const updates: UpdatePoint[] = [
      { update: 1, metrics: { policy_loss: 2, value_loss: -0.5 } },
      { update: 2, metrics: { policy_loss: 1 } },
    ];
    const [loss] = lanesOf(RUN, [], updates, []);
    expect(loss?.domain).toEqual([-0.5, 2]);
    expect(loss?.curves[1]?.points).toEqual([[1, -0.5]]);
  });

  it('marks the first time that a score keeps what is claimed of it', () => {
    const points = [40, 3, 0, 5, 0].map((value, index) => ({
      update: index * 10,
      scores: score(value),
    }));
    expect(lanesOf(RUN, [CLAIM], [], points)[1]?.milestones).toEqual([
      { update: 20, text: 'lines lost: 0 of 533' },
    ]);
    const high = { ...CLAIM, at_most: null, at_least: 5 };
    expect(lanesOf(RUN, [high], [], points.slice(1))[1]?.milestones[0]?.update).toBe(30);
    expect(lanesOf(RUN, [], [], points)[1]?.milestones).toEqual([]);
  });

  it('marks nothing that was so from the start', () => {
    const points = [{ update: 0, scores: score(0) }];
    expect(lanesOf(RUN, [CLAIM], [], points)[1]?.milestones).toEqual([]);
  });
});

it('takes the last value up to an update', () => {
  const points: [number, number][] = [
    [0, 5],
    [10, 3],
    [20, 1],
  ];
  expect(valueAt(points, 10)).toBe(3);
  expect(valueAt(points, 19)).toBe(3);
  expect(valueAt(points, 99)).toBe(1);
  expect(valueAt(points, -1)).toBeNull();
});

it('finds the nearest checkpoint', () => {
  expect(nearest([{ update: 0 }, { update: 10 }, { update: 30 }], 19)).toBe(10);
  expect(nearest([], 19)).toBeNull();
});
