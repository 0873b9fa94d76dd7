import assert from 'node:assert/strict';
import { Barriers } from '../../../cluster/routes/barriers.ts';

function recorded(): { barriers: Barriers; done: string[] } {
  const done: string[] = [];
  return { barriers: new Barriers((number, isLate) => done.push(`${number}${isLate ? ' late' : ''}`)), done };
}

describe('barriers', () => {
  it('end when the last peer has the frame, and not for an earlier one', () => {
    const { barriers, done } = recorded();
    barriers.open(1, { seq: 5, peers: new Set(['a', 'b']), nowMs: 0 });
    barriers.open(2, { seq: 6, peers: new Set(['a', 'b']), nowMs: 0 });
    barriers.reached('a', 4);
    barriers.reached('a', 6);
    barriers.reached('b', 4);
    assert.deepEqual(done, []);
    barriers.reached('b', 5);
    assert.deepEqual(done, ['1']);
    assert.equal(barriers.awaited('a'), undefined);
    assert.equal(barriers.awaited('b'), 6);
    barriers.gone('b');
    assert.deepEqual(done, ['1', '2']);
  });

  it('end late after a second, in their order, and are counted', () => {
    const { barriers, done } = recorded();
    barriers.open(1, { seq: 5, peers: new Set(['a']), nowMs: 0 });
    barriers.open(2, { seq: 5, peers: new Set(['a']), nowMs: 500 });
    assert.equal(barriers.dueMs, 1_000);
    barriers.expire(999);
    assert.deepEqual(done, []);
    barriers.expire(1_000);
    assert.deepEqual(done, ['1 late']);
    assert.equal(barriers.dueMs, 1_500);
    assert.equal(barriers.late, 1);
  });
});
