import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DURATION_MS_MAX, durationMs, durationTextMs, formatDuration } from '../../src/base/duration.ts';

describe('durationMs()', () => {
  const table: readonly (readonly [unknown, number | undefined])[] = [
    [1, 1000],
    [1.5, 1500],
    [0, 0],
    [0.0001, 1],
    [{ d: 1 }, 86_400_000],
    [{ h: 4 }, 14_400_000],
    [{ m: 3 }, 180_000],
    [{ s: 30 }, 30_000],
    [{ ms: 250 }, 250],
    [{ m: 1, s: 30, ms: 5 }, 90_005],
    [{ h: 0.5 }, 1_800_000],
    [-1, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [1e12, undefined],
    ['10s', undefined],
    [true, undefined],
    [null, undefined],
    [[1], undefined],
    [new Date(0), undefined],
    [{}, undefined],
    [{ min: 1 }, undefined],
    [{ s: '1' }, undefined],
    [{ s: 5, m: -1 }, undefined],
    [{ toString: 1 }, undefined],
  ];
  for (const [given, expected] of table) {
    it(`${JSON.stringify(given)} is ${expected}`, () => assert.equal(durationMs(given), expected));
  }
});

describe('durationTextMs()', () => {
  const table: readonly (readonly [string, number | undefined])[] = [
    ['30', 30_000],
    ['1.5', 1500],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['1 m 5 s', 65_000],
    ['2d', 172_800_000],
    ['', undefined],
    ['s', undefined],
    ['10x', undefined],
    ['-1', undefined],
    ['1h?', undefined],
  ];
  for (const [given, expected] of table) {
    it(`"${given}" is ${expected}`, () => assert.equal(durationTextMs(given), expected));
  }

  it('reads back what formatDuration() writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DURATION_MS_MAX }), (ms) =>
        assert.equal(durationTextMs(formatDuration(ms)), ms),
      ),
    );
  });
});
