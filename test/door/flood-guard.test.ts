import assert from 'node:assert/strict';
import { FloodGuard } from '../../src/door/flood-guard.ts';

describe('FloodGuard', () => {
  it('lets so many through in a window, and again in the next', () => {
    const guard = new FloodGuard({ max: 2, windowMs: 100 });
    assert.deepEqual(
      [1000, 1050, 1099].map((nowMs) => guard.count(nowMs)),
      [true, true, false],
    );
    assert.deepEqual(
      [1100, 1101, 1102].map((nowMs) => guard.count(nowMs)),
      [true, true, false],
    );
  });

  it('starts anew when it is reset', () => {
    const guard = new FloodGuard({ max: 1, windowMs: 100 });
    assert.equal(guard.count(0), true);
    guard.reset();
    assert.equal(guard.count(1), true);
    assert.equal(guard.count(2), false);
  });
});
