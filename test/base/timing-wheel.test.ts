import assert from 'node:assert/strict';
import fc from 'fast-check';
import { TimingWheel } from '../../src/base/timing-wheel.ts';

/** A day in 2026, so that all levels of the wheel are in play. */
const START_MS = 1_780_000_000_123;

interface Fired {
  readonly owner: number;
  readonly item: number;
}

function advance(wheel: TimingWheel, nowMs: number): Fired[] {
  const fired: Fired[] = [];
  wheel.advance(nowMs, (owner, item) => fired.push({ owner, item }));
  return fired;
}

describe('TimingWheel', () => {
  it('fires at the deadline and not a millisecond before, at every distance', () => {
    for (const startMs of [0, 1, START_MS, 2 ** 30 - 3, 2 ** 36 - 3]) {
      for (const distanceMs of [1, 63, 64, 65, 4095, 4096, 262_144, 2 ** 24 + 5, 2 ** 31 + 7, 2 ** 37 + 11]) {
        const wheel = new TimingWheel(startMs);
        wheel.arm(startMs + distanceMs, 7, -3);
        assert.deepEqual(advance(wheel, startMs + distanceMs - 1), []);
        assert.deepEqual(advance(wheel, startMs + distanceMs), [{ owner: 7, item: -3 }]);
        assert.equal(wheel.count, 0);
      }
    }
  });

  it('fires what was due when it was armed at the next tick', () => {
    const wheel = new TimingWheel(START_MS);
    wheel.arm(START_MS - 1000, 1, 1);
    assert.equal(wheel.nextMs(), START_MS + 1);
    assert.equal(advance(wheel, START_MS).length, 0);
    assert.equal(advance(wheel, START_MS + 1).length, 1);
  });

  it('fires in order of deadline, and of arming where deadlines are equal, after any jump', () => {
    const wheel = new TimingWheel(START_MS);
    const deadlines = [5000, 3, 64, 5000, 3, 1_000_000_000, 64, 90_000];
    for (const [item, deadline] of deadlines.entries()) wheel.arm(START_MS + deadline, 0, item);
    const items = advance(wheel, START_MS + 2 ** 40).map((fired) => fired.item);
    assert.deepEqual(items, [1, 4, 2, 6, 0, 3, 7, 5]);
  });

  it('says never when nothing is armed, and no deadline is passed by sleeping until nextMs()', () => {
    const wheel = new TimingWheel(START_MS);
    assert.equal(wheel.nextMs(), Number.POSITIVE_INFINITY);
    const deadlineMs = START_MS + 123_456_789;
    wheel.arm(deadlineMs, 1, 2);
    let wakes = 0;
    for (let nowMs = START_MS; wheel.count > 0; wakes++) {
      assert.ok(wheel.nextMs() > nowMs && wheel.nextMs() <= deadlineMs);
      nowMs = wheel.nextMs();
      advance(wheel, nowMs);
    }
    assert.ok(wakes <= 8, `${wakes} wakes`);
  });

  it('lets timers arm and disarm others while they fire', () => {
    const wheel = new TimingWheel(START_MS);
    const order: number[] = [];
    const victim = wheel.arm(START_MS + 10, 0, 2);
    const nodes = [wheel.arm(START_MS + 5, 0, 1), wheel.arm(START_MS + 5, 0, 3)];
    wheel.advance(START_MS + 20, (_owner, item) => {
      order.push(item);
      if (item !== 1) return;
      wheel.disarm(victim);
      wheel.disarm(nodes[1]);
      wheel.arm(START_MS + 6, 0, 4);
      wheel.arm(START_MS, 0, 5);
      wheel.arm(START_MS + 21, 0, 6);
    });
    assert.deepEqual(order, [1, 4, 5]);
    assert.equal(wheel.count, 1);
    assert.deepEqual(advance(wheel, START_MS + 21), [{ owner: 0, item: 6 }]);
  });

  it('refuses to be advanced by its own timers', () => {
    const wheel = new TimingWheel(START_MS);
    wheel.arm(START_MS + 1, 0, 0);
    assert.throws(() => wheel.advance(START_MS + 1, () => wheel.advance(START_MS + 2, () => {})), /not advanced/);
  });

  it('goes on when the clock steps back: old timers keep their span, new ones their deadline', () => {
    const wheel = new TimingWheel(START_MS);
    advance(wheel, START_MS);
    wheel.arm(START_MS + 1000, 0, 1);
    advance(wheel, START_MS + 400);
    const backMs = START_MS - 3_600_000;
    assert.equal(advance(wheel, backMs).length, 0);
    wheel.arm(backMs + 700, 0, 2);
    assert.deepEqual(advance(wheel, backMs + 599), []);
    assert.deepEqual(advance(wheel, backMs + 600), [{ owner: 0, item: 1 }]);
    assert.deepEqual(advance(wheel, backMs + 699), []);
    assert.deepEqual(advance(wheel, backMs + 700), [{ owner: 0, item: 2 }]);
  });

  it('does what a sorted list does', () => {
    const distance = fc.oneof(fc.nat(200), fc.nat(100_000), fc.nat(2 ** 31 - 1), fc.constant(-5));
    const step = fc.oneof(
      fc.record({ kind: fc.constant('arm' as const), distance }),
      fc.record({ kind: fc.constant('disarm' as const), pick: fc.nat() }),
      fc.record({ kind: fc.constant('advance' as const), distance }),
    );
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), fc.array(step, { maxLength: 200 }), (offset, steps) => {
        const startMs = START_MS + offset;
        const wheel = new TimingWheel(startMs);
        let model: { dueMs: number; item: number; handle: number }[] = [];
        let nowMs = startMs;
        let item = 0;
        for (const { kind, ...rest } of steps) {
          if (kind === 'arm') {
            const deadlineMs = nowMs + (rest as { distance: number }).distance;
            const handle = wheel.arm(deadlineMs, 1, item);
            model.push({ dueMs: Math.max(deadlineMs, nowMs + 1), item: item++, handle });
          } else if (kind === 'disarm') {
            if (model.length === 0) continue;
            const [gone] = model.splice((rest as { pick: number }).pick % model.length, 1);
            wheel.disarm(gone.handle);
          } else {
            nowMs += Math.max(0, (rest as { distance: number }).distance);
            const due = model.filter((timer) => timer.dueMs <= nowMs);
            due.sort((a, b) => a.dueMs - b.dueMs || a.item - b.item);
            const fired = advance(wheel, nowMs).map((timer) => timer.item);
            assert.deepEqual(
              fired,
              due.map((timer) => timer.item),
            );
            model = model.filter((timer) => timer.dueMs > nowMs);
          }
          assert.equal(wheel.count, model.length);
          const earliest = Math.min(...model.map((timer) => timer.dueMs));
          assert.ok(wheel.nextMs() <= earliest && (model.length === 0 || wheel.nextMs() > nowMs));
        }
      }),
      { numRuns: 300 },
    );
  });
});
