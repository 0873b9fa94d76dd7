import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Lane } from '../../src/core/lane.ts';
import type { Queue } from '../../src/core/queue.ts';
import type { TransferAnswer } from '../../src/core/queue-handler.ts';
import type { OverflowPolicy } from '../../src/core/queue-options.ts';
import { Shard } from './queue-fixture.ts';

const ACTIONS = [
  'publish',
  'ack',
  'requeue',
  'subscribe',
  'unsubscribe',
  'fetch',
  'fetchNow',
  'pause',
  'resume',
  'closeLane',
  'openLane',
  'transferred',
] as const;
type Action = (typeof ACTIONS)[number] | 'purge' | 'requeueInFlight' | 'takeReady' | 'cancelFetches';

const ANSWERS: readonly TransferAnswer[] = ['taken', 'refused', 'later'];

/** A shard whose effects do what comes next in a script, in the middle of the queue's own work. */
class ScriptedShard extends Shard {
  readonly tested: Queue;
  readonly script: Action[];
  /** Messages whose transfer was answered with `later`. */
  readonly #leaving: number[] = [];
  #depth = 0;
  #next = 0;

  constructor(script: Action[], options: { limit: number; overflow: OverflowPolicy; maxDeliveries: number }) {
    super();
    this.script = script;
    for (const address of [100, 101]) this.lanes.set(address, new Lane());
    this.tested = this.queue({ ...options, ackTimeoutMs: 7, messageTtlMs: 50, deadLetterQueue: 'elsewhere' });
  }

  /** Does the next action of the script; effects in the middle of it do the ones after it. */
  step(): void {
    const action = this.script.pop();
    if (action === undefined || this.#depth > 5) return;
    this.#depth++;
    this.#act(action, this.#next++);
    this.#depth--;
  }

  #act(action: Action, number: number): void {
    const { tested: queue, nowMs } = this;
    const address = 100 + (number % 3);
    const held = this.peek(queue).filter(({ state }) => state === 'in-flight');
    const id = held.length === 0 ? number : held[number % held.length].id;
    if (action === 'publish')
      this.publish(queue, number, { priority: number % 2, bodyBytes: number % 3 === 0 ? 3000 : 8 });
    else if (action === 'ack') this.ack(queue, id);
    else if (action === 'requeue') this.requeue(queue, id);
    else if (action === 'subscribe') queue.subscribe(address, number % 4, nowMs);
    else if (action === 'unsubscribe') queue.unsubscribe(address, nowMs);
    else if (action === 'fetch') this.fetch(queue, address, number, 3, number % 2 === 0);
    else if (action === 'fetchNow') this.fetch(queue, address, number, 0);
    else if (action === 'cancelFetches') queue.cancelFetches(address, nowMs);
    else if (action === 'pause') queue.pause();
    else if (action === 'resume') queue.resume(nowMs);
    else if (action === 'closeLane') this.#lane(number).isOpen = false;
    else if (action === 'openLane') this.#lane(number).open(nowMs);
    else if (action === 'transferred') this.#transferred(number % 2 === 0);
    else if (action === 'purge') queue.purge(nowMs);
    else if (action === 'requeueInFlight') queue.requeueInFlight(nowMs);
    else queue.takeReady(3, (message) => this.#handed(message, number), nowMs);
  }

  override deliver(_queue: Queue, _address: number, message: number, _fetch: number): void {
    this.idOf(message);
    this.#checked();
  }

  override fetchTimedOut(): void {
    this.#checked();
  }

  override unblocked(): void {
    this.#checked();
  }

  override deadLetter(_queue: Queue, message: number): TransferAnswer {
    const id = this.idOf(message);
    this.#checked();
    // Still whole: nothing that happened meanwhile has moved or ended it.
    assert.equal(this.idOf(message), id);
    return this.#handed(message, id);
  }

  /** Every way is open and every transfer answered. */
  settle(): void {
    for (const lane of this.lanes.values()) lane.open(this.nowMs);
    while (this.#leaving.length > 0) this.#transferred(true);
  }

  #lane(number: number): Lane {
    return this.lanes.get(100 + (number % 2)) as Lane;
  }

  #handed(message: number, number: number): TransferAnswer {
    const answer = ANSWERS[number % ANSWERS.length];
    if (answer === 'later') this.#leaving.push(message);
    return answer;
  }

  #transferred(taken: boolean): void {
    const message = this.#leaving.shift();
    if (message !== undefined) this.tested.transferred(message, taken, this.nowMs);
  }

  /** The ledger balances in the middle of an effect too. */
  #checked(): void {
    const counts = this.tested.counts();
    assert.equal(this.tested.ledger.imbalance(counts), 0);
    this.step();
  }
}

describe('queue', () => {
  it('keeps its ledger and its invariants when every effect calls it again', () => {
    const action = fc.oneof(
      { weight: 4, arbitrary: fc.constant<Action>('publish') },
      { weight: 6, arbitrary: fc.constantFrom<Action[]>(...ACTIONS, 'resume') },
      { weight: 1, arbitrary: fc.constantFrom<Action[]>('purge', 'requeueInFlight', 'takeReady', 'cancelFetches') },
    );
    const options = fc.record({
      limit: fc.constantFrom(1, 3, 100),
      overflow: fc.constantFrom<OverflowPolicy>('drop-oldest', 'reject', 'block'),
      maxDeliveries: fc.constantFrom(0, 2),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 150, size: 'max' }), options, (script, given) => {
        const shard = new ScriptedShard([...script], given);
        const queue = shard.tested;
        while (shard.script.length > 0) {
          shard.step();
          shard.assertBalanced();
          const open = [...shard.lanes.values()].every((lane) => lane.isOpen);
          const taker = !queue.paused && open && queue.fetchCount > 0;
          assert.ok(queue.readyCount === 0 || !taker, 'a message waits beside a fetch');
          assert.ok(queue.blockedCount === 0 || queue.readyCount + queue.delayedCount >= given.limit);
          shard.pass(1);
        }
        shard.script.length = 0;
        shard.settle();
        shard.assertBalanced();
        queue.close(shard.nowMs);
        shard.assertBalanced();
        assert.equal(shard.wheel.count, 0);
        assert.equal(shard.messages.slabs.usedBytes, 0);
      }),
      { numRuns: Number(process.env.RINGMQ_MODEL_RUNS ?? 300) },
    );
  });
});
