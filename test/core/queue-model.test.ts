import assert from 'node:assert/strict';
import fc from 'fast-check';
import { unreachable } from '../../src/base/assert.ts';
import type { Queue } from '../../src/core/queue.ts';
import type { TransferAnswer } from '../../src/core/queue-handler.ts';
import type { OverflowPolicy, QueueOptions } from '../../src/core/queue-options.ts';
import { WORD_TAGS } from '../../src/core/record.ts';
import { Shard } from './queue-fixture.ts';
import { QueueModel } from './queue-model.ts';

const ADDRESSES = [100, 101, 102];

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      priority: fc.constantFrom(0, 0, 0, 1, 9),
      ttlMs: fc.constantFrom(0, 0, 0, 1, 5, 20, -1),
      delayMs: fc.constantFrom(0, 0, 0, 1, 7, 20),
      dedup: fc.constantFrom('', '', 'a', 'b', 'c'),
      address: fc.constantFrom(1, 1, 1, -1, ...ADDRESSES),
      bodyBytes: fc.constantFrom(8, 8, 200, 3000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('subscribe' as const),
      address: fc.constantFrom(...ADDRESSES),
      prefetch: fc.constantFrom(0, 1, 2, 5),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('unsubscribe' as const), address: fc.constantFrom(...ADDRESSES) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('ack' as const), pick: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('requeue' as const), pick: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fetch' as const),
      address: fc.constantFrom(...ADDRESSES),
      timeoutMs: fc.constantFrom(0, 0, 3, 15),
      autoack: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 1, 3, 10, 30) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('pause' as const, 'resume' as const, 'resume' as const, 'purge' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('requeueInFlight' as const, 'takeReady' as const, 'move' as const),
      pick: fc.nat(3),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const declaration: fc.Arbitrary<Partial<QueueOptions>> = fc.record({
  limit: fc.constantFrom(1, 2, 5, 1000),
  overflow: fc.constantFrom<OverflowPolicy>('drop-oldest', 'reject', 'block'),
  ackTimeoutMs: fc.constantFrom(0, 5, 20),
  maxDeliveries: fc.constantFrom(0, 0, 1, 2),
  deadLetterQueue: fc.constantFrom('', 'dead'),
  messageTtlMs: fc.constantFrom(0, 0, 12),
  delayMs: fc.constantFrom(0, 0, 4),
  dedupWindowMs: fc.constantFrom(0, 25),
});

/** The queue and its model side by side. */
class Pair extends Shard {
  readonly model: QueueModel;
  tested: Queue;
  #nextId = 0;
  #nextFetch = 0;

  constructor(options: Partial<QueueOptions>) {
    super();
    this.tested = this.queue(options);
    this.model = new QueueModel(this.tested.options, this.nowMs);
  }

  override deliver(_queue: Queue, address: number, message: number, fetch: number): void {
    const attempts = this.messages.memory(message).words[(this.messages.offset(message) >> 2) + WORD_TAGS] >>> 24;
    this.model.delivered(this.idOf(message), address, fetch, attempts);
  }

  override fetchTimedOut(_queue: Queue, address: number, fetch: number): void {
    this.model.fetchTimedOut(address, fetch);
  }

  override unblocked(_queue: Queue, _address: number, publish: number, result: number): void {
    this.model.unblocked(publish, result);
  }

  override deadLetter(_queue: Queue, message: number): TransferAnswer {
    const id = this.idOf(message);
    this.model.deadLettered(id, id % 2 === 0);
    return id % 2 === 0 ? 'taken' : 'refused';
  }

  apply(given: Step): void {
    const { model, tested: queue, nowMs } = this;
    switch (given.kind) {
      case 'publish':
        this.#publish(given);
        break;
      case 'subscribe':
        model.subscribe(given.address, given.prefetch);
        queue.subscribe(given.address, given.prefetch, nowMs);
        break;
      case 'unsubscribe':
        model.unsubscribe(given.address);
        queue.unsubscribe(given.address, nowMs);
        break;
      case 'ack':
        this.#settle(given.pick, (id) => {
          const expected = model.ack(id);
          assert.equal(this.ack(queue, id), expected);
        });
        break;
      case 'requeue':
        this.#settle(given.pick, (id) => {
          const expected = model.requeue(id);
          assert.equal(this.requeue(queue, id), expected);
        });
        break;
      case 'fetch':
        this.#fetch(given.address, given.timeoutMs, given.autoack);
        break;
      case 'pass':
        this.#pass(given.ms);
        break;
      case 'pause':
        model.paused = true;
        queue.pause();
        break;
      case 'resume':
        model.paused = false;
        queue.resume(nowMs);
        break;
      case 'purge':
        assert.equal(model.purge(), queue.purge(nowMs));
        break;
      case 'requeueInFlight':
        assert.equal(model.requeueInFlight(), queue.requeueInFlight(nowMs));
        break;
      case 'takeReady':
        this.#takeReady(given.pick);
        break;
      case 'move':
        this.tested = this.move(queue);
        break;
      default:
        unreachable(given);
    }
  }

  /** Deletes the queue: nothing is left, and what was left is counted. */
  end(): void {
    const { tested: queue, model } = this;
    const left = model.messages.filter(({ state }) => state !== 'blocked').length;
    const told: string[] = [];
    this.unblocked = (_queue, _address, publish) => void told.push(`unblocked ${publish}`);
    this.fetchTimedOut = (_queue, _address, fetch) => void told.push(`fetch ${fetch}`);
    assert.equal(queue.close(this.nowMs), left);
    const blocked = model.inState('blocked').map(({ id }) => `unblocked ${id}`);
    assert.deepEqual(told, [...blocked, ...model.fetches.map(({ fetch }) => `fetch ${fetch}`)]);
    assert.equal(this.messages.count, 0);
    assert.equal(this.messages.ids.count, 0);
    assert.equal(this.messages.slabs.usedBytes, 0);
    assert.equal(this.wheel.count, 0);
    this.assertBalanced();
  }

  #publish(given: Step & { kind: 'publish' }): void {
    const id = this.#nextId++;
    const { priority, dedup, address, bodyBytes } = given;
    const expireAtMs = given.ttlMs === 0 ? 0 : this.nowMs + given.ttlMs;
    const deliverAtMs = given.delayMs === 0 ? 0 : this.nowMs + given.delayMs;
    const expected = this.model.publish({ id, priority, dedup, address, expireAtMs, deliverAtMs });
    const result = this.publish(this.tested, id, { priority, dedup, address, bodyBytes, expireAtMs, deliverAtMs });
    assert.equal(result, expected, 'result of publish');
  }

  /** Picks one of the messages in flight mostly, else any that was ever published. */
  #settle(pick: number, settle: (id: number) => void): void {
    const held = this.model.inState('in-flight');
    const known = pick % 4 === 0 ? this.model.messages : held;
    settle(known.length === 0 ? pick : known[pick % known.length].id);
  }

  #fetch(address: number, timeoutMs: number, autoack: boolean): void {
    const fetch = this.#nextFetch++;
    this.model.fetch({ address, fetch, autoack, dueMs: this.nowMs + timeoutMs });
    this.fetch(this.tested, address, fetch, timeoutMs, autoack);
  }

  #pass(ms: number): void {
    for (let left = ms; left > 0; left--) {
      this.model.tick();
      this.pass(1);
      this.model.tickOver(this.peek(this.tested, this.tested.readyCount).map(({ id }) => id));
      this.check();
    }
  }

  #takeReady(limit: number): void {
    const expected = this.model.takeReady(limit);
    const taken: number[] = [];
    const visit = (message: number) => (taken.push(this.idOf(message)) > 0 ? 'taken' : 'refused');
    assert.equal(this.tested.takeReady(limit, visit, this.nowMs), expected.length);
    assert.deepEqual(taken, expected);
  }

  check(): void {
    const { model, tested: queue } = this;
    assert.deepEqual(model.dead, [], 'every dead letter was told');
    const ready = model.ready();
    assert.deepEqual(
      this.peek(queue),
      [
        ...ready.map(({ id, attempts }) => ({ id, state: 'ready', attempts })),
        ...this.#inFlightOrder(),
        ...model.inState('delayed').map(({ id }) => ({ id, state: 'delayed', attempts: 0 })),
      ],
      'messages, states, order and attempts',
    );
    assert.ok(ready.length === 0 || !model.hasTaker(), 'a message waits although somebody takes it');
    assert.equal(queue.blockedCount, model.inState('blocked').length);
    assert.ok(queue.blockedCount === 0 || model.waiting() >= queue.options.limit, 'blocked only while full');
    assert.equal(queue.fetchCount, model.fetches.length);
    assert.equal(queue.consumerCount, model.prefetch.size);
    const counts = queue.counts();
    for (const [name, value] of Object.entries(model.counts)) {
      assert.equal(counts[name as keyof typeof counts], value, name);
    }
    this.assertBalanced();
  }

  /**
   * In order of delivery, which only the queue knows within a millisecond: taken from it, and checked for what is in
   * it.
   */
  #inFlightOrder(): { id: number; state: string; attempts: number }[] {
    const expected = this.model.inState('in-flight');
    const seen = this.peek(this.tested).filter(({ state }) => state === 'in-flight');
    const dueMs = seen.map(({ id }) => expected.find((message) => message.id === id)?.dueMs ?? -1);
    assert.equal(seen.length, expected.length);
    for (let index = 1; index < dueMs.length; index++) assert.ok(dueMs[index - 1] <= dueMs[index]);
    return seen.map(({ id }) => {
      const attempts = expected.find((message) => message.id === id)?.attempts ?? -1;
      return { id, state: 'in-flight', attempts };
    });
  }
}

describe('queue', () => {
  it('does what a plain model says, whatever happens to it', function () {
    this.timeout(120_000);
    fc.assert(
      fc.property(declaration, fc.array(step, { maxLength: 120, size: 'max' }), (options, steps) => {
        const pair = new Pair(options);
        for (const given of steps) {
          pair.apply(given);
          pair.check();
        }
        pair.end();
      }),
      { numRuns: Number(process.env.RINGMQ_MODEL_RUNS ?? 400) },
    );
  });
});
