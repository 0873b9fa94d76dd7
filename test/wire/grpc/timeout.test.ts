import assert from 'node:assert/strict';
import { BrokerError } from '../../../src/base/errors.ts';
import { parseTimeoutMs } from '../../../src/wire/grpc/timeout.ts';

describe('parseTimeoutMs()', () => {
  const vectors: [string | undefined, number][] = [
    [undefined, Number.POSITIVE_INFINITY],
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['4m', 4],
    ['5000u', 5],
    ['6000000n', 6],
    ['99999999H', 99_999_999 * 3_600_000],
    ['0S', 0],
  ];
  for (const [header, timeoutMs] of vectors) {
    it(`reads ${header} as ${timeoutMs} ms`, () => assert.equal(parseTimeoutMs(header), timeoutMs));
  }

  for (const header of ['', 'S', '1', '1s', '-1S', '1.5S', '123456789S', '1S1S', ' 1S']) {
    it(`refuses ${JSON.stringify(header)}`, () => assert.throws(() => parseTimeoutMs(header), BrokerError));
  }
});
