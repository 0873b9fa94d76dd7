import assert from 'node:assert/strict';
import { failureDelayMs, refreshDelayMs } from '../../../cluster/discovery/dns-schedule.ts';

describe('DNS schedule', () => {
  it('asks again when an answer expires, after 5 to 60 seconds', () => {
    const table: [number | undefined, number][] = [
      [undefined, 5_000],
      [0, 5_000],
      [5, 5_000],
      [17, 17_000],
      [60, 60_000],
      [86_400, 60_000],
      [Number.POSITIVE_INFINITY, 60_000],
    ];
    for (const [ttlS, delayMs] of table) assert.equal(refreshDelayMs(ttlS), delayMs);
  });

  it('asks more and more rarely after failures, at random, within the same bounds', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 99].map((failures) => failureDelayMs(failures, 0)),
      [5_000, 10_000, 20_000, 40_000, 60_000, 60_000],
    );
    assert.equal(failureDelayMs(4, 0.5), 30_000);
    assert.equal(failureDelayMs(1, 0.99), 5_000);
  });
});
