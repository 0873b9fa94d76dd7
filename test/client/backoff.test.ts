import assert from 'node:assert/strict';
import { backoffMs, Outage } from '../../src/client/backoff.ts';

describe('backoffMs()', () => {
  const TABLE: [attempt: number, random: number, delayMs: number][] = [
    [0, 0, 100],
    [0, 1, 50],
    [1, 0, 200],
    [5, 0, 3200],
    [6, 0, 5000],
    [6, 0.5, 3750],
    [1000, 1, 2500],
  ];
  for (const [attempt, random, delayMs] of TABLE) {
    it(`is ${delayMs} ms at attempt ${attempt} with random ${random}`, () =>
      assert.equal(backoffMs(attempt, random), delayMs));
  }
});

describe('Outage', () => {
  it('ends when it has lasted for longer than the patience', () => {
    const outage = new Outage(500);
    assert.deepEqual(
      [outage.nextDelayMs(0, 0), outage.nextDelayMs(100, 0), outage.nextDelayMs(300, 0)],
      [100, 200, undefined],
    );
  });

  it('begins anew after over()', () => {
    const outage = new Outage(500);
    outage.nextDelayMs(0, 0);
    outage.nextDelayMs(100, 0);
    outage.over();
    assert.equal(outage.nextDelayMs(10_000, 0), 100);
  });

  it('tries not at all without patience', () => assert.equal(new Outage(0).nextDelayMs(0, 0), undefined));
});
