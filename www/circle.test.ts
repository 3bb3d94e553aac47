import { describe, expect, it } from 'vitest';
import { circleOf, type Visit } from './circle';

const visit = (place: string, steps: number, logits = [1, 0], more = {}): Visit => ({
  state: { place, steps, ...more },
  action: 0,
  logits,
});

describe('a circle', () => {
  it('is an earlier state, whatever the clock says', () => {
    expect(circleOf([visit('a', 3), visit('b', 4), visit('c', 5), visit('b', 6)])).toBe(1);
    expect(circleOf([visit('a', 0), visit('a', 1)])).toBe(0);
  });

  it('is none while every state is new', () => {
    expect(circleOf([])).toBeNull();
    expect(circleOf([visit('a', 0)])).toBeNull();
    expect(circleOf([visit('a', 0), visit('b', 1), visit('c', 2)])).toBeNull();
  });

  it('is none where the agent makes something else of the same place', () => {
    expect(circleOf([visit('a', 0), visit('b', 1), visit('a', 2, [0, 1])])).toBeNull();
  });

  it('is none where another number differs, such as a timer that starts again', () => {
    const timed = (place: string, steps: number, timer: number) =>
      visit(place, steps, [1, 0], { timer });
    expect(circleOf([timed('a', 0, 5), timed('b', 1, 6), timed('a', 2, 0)])).toBeNull();
    expect(circleOf([timed('a', 0, 5), timed('b', 1, 0), timed('a', 2, 5)])).toBe(0);
  });
});
