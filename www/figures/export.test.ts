import { describe, expect, it } from 'vitest';
import { csvText } from './export';

describe('csvText', () => {
  it('quotes what would break a row, and writes states as JSON', () => {
    const states = [{ board: [0, 1] }, { board: [1, 1] }];
    const text = csvText({
      type: 'table',
      columns: ['states', 'choices, both', 'value'],
      rows: [[{ states }, 'up "then" down', 0.5]],
    });
    expect(text).toBe(
      'states,"choices, both",value\n"[{""board"":[0,1]},{""board"":[1,1]}]","up ""then"" down",0.5\n',
    );
  });
});
