// What a queue must do, in the plainest way: arrays that are sorted and filtered. The model is told each operation
// before the queue carries it out, and then judges what the queue does: every effect must be one that is allowed at
// that moment, and after the operation both must hold the same messages in the same states and order.
//
// Within one millisecond the order of timers is the queue's own business: a message whose time has come (a delay that
// is over, an ack that is overdue) may be delivered from then on, and must be where it belongs when the millisecond is
// over.
import assert from 'node:assert/strict';
import { PublishResult } from '../../src/core/publish-result.ts';
import type { QueueOptions } from '../../src/core/queue-options.ts';
import { SettleResult } from '../../src/core/settle-result.ts';
import type { ModelFetch, ModelMessage, ModelPublish } from './queue-model-types.ts';

const { accepted, blocked, duplicate, expired, full } = PublishResult;

export class QueueModel {
  readonly options: QueueOptions;
  nowMs: number;
  paused = false;
  messages: ModelMessage[] = [];
  fetches: ModelFetch[] = [];
  readonly prefetch = new Map<number, number>();
  readonly seen = new Map<string, number>();
  /** Ids that must be reported dead before the operation is over. */
  dead: number[] = [];
  readonly counts = {
    received: 0,
    accepted: 0,
    acked: 0,
    expired: 0,
    droppedLimit: 0,
    droppedMaxDeliveries: 0,
    deadLettered: 0,
    purged: 0,
    moved: 0,
    delivered: 0,
    redelivered: 0,
    requeued: 0,
    ackTimeout: 0,
    ackAfter: 0,
    rejectedFull: 0,
    rejectedDuplicate: 0,
  };
  #nextSequence = 0;
  /** Sequence numbers from here on were given in the millisecond that is passing. */
  #tickSequence = Number.POSITIVE_INFINITY;

  constructor(options: QueueOptions, nowMs: number) {
    this.options = options;
    this.nowMs = nowMs;
  }

  // Views.

  inState(state: ModelMessage['state']): ModelMessage[] {
    return this.messages.filter((message) => message.state === state);
  }

  /** Ready messages in order of delivery. */
  ready(): ModelMessage[] {
    return this.inState('ready').sort((a, b) => b.priority - a.priority || a.sequence - b.sequence);
  }

  waiting(): number {
    return this.inState('ready').length + this.inState('delayed').length;
  }

  credit(address: number): number {
    const used = this.messages.filter((message) => message.holder === address && !message.fetched).length;
    return (this.prefetch.get(address) ?? 0) - used;
  }

  hasTaker(): boolean {
    if (this.paused) return false;
    return this.fetches.length > 0 || [...this.prefetch.keys()].some((address) => this.credit(address) > 0);
  }

  // Operations, told before the queue carries them out; each returns what the queue must answer.

  publish(given: ModelPublish): number {
    const { options, nowMs, counts } = this;
    counts.received++;
    const isDuplicate = given.dedup !== '' && (this.seen.get(given.dedup) ?? 0) > nowMs;
    if (options.dedupWindowMs > 0 && isDuplicate) {
      counts.rejectedDuplicate++;
      return duplicate;
    }
    const ttlEndMs = options.messageTtlMs > 0 ? nowMs + options.messageTtlMs : Number.POSITIVE_INFINITY;
    const expireAtMs = Math.min(given.expireAtMs || Number.POSITIVE_INFINITY, ttlEndMs);
    if (expireAtMs <= nowMs) {
      counts.accepted++;
      counts.expired++;
      return expired;
    }
    const message = this.#newMessage(given, expireAtMs);
    const atOnce = this.#deliverAtMs(message) <= nowMs && this.inState('ready').length === 0 && this.hasTaker();
    const isFull = this.waiting() >= options.limit && !atOnce;
    if (isFull || this.inState('blocked').length > 0) {
      const refused = options.overflow === 'reject' || (options.overflow === 'block' && given.address < 0);
      if (refused) {
        counts.rejectedFull++;
        return full;
      }
      if (options.overflow === 'block') {
        this.#remember(given.dedup);
        message.state = 'blocked';
        this.messages.push(message);
        return blocked;
      }
    }
    this.#remember(given.dedup);
    counts.accepted++;
    if (isFull && !this.#dropOldest(message.priority)) {
      counts.droppedLimit++;
      return accepted;
    }
    this.#place(message);
    return accepted;
  }

  subscribe(address: number, prefetch: number): void {
    this.prefetch.set(address, prefetch);
  }

  unsubscribe(address: number): void {
    this.prefetch.delete(address);
    this.fetches = this.fetches.filter((fetch) => fetch.address !== address);
    const held = this.messages.filter((message) => message.holder === address);
    held.sort((a, b) => a.sequence - b.sequence);
    for (const message of held) {
      this.counts.requeued++;
      this.#takeBack(message);
    }
    for (const message of this.inState('blocked').filter((other) => other.address === address)) {
      this.counts.rejectedFull++;
      this.seen.delete(message.dedup);
      this.#remove(message);
    }
  }

  ack(id: number): number {
    const message = this.#deliveredMessage(id);
    if (message === undefined) return SettleResult.unknown;
    const late = message.state === 'ready';
    this.counts.acked++;
    if (late) this.counts.ackAfter++;
    this.#remove(message);
    return late ? SettleResult.late : SettleResult.settled;
  }

  requeue(id: number): number {
    const message = this.#deliveredMessage(id);
    if (message === undefined) return SettleResult.unknown;
    if (message.state === 'ready') return SettleResult.late;
    this.counts.requeued++;
    this.#takeBack(message);
    return SettleResult.settled;
  }

  fetch(fetch: ModelFetch): void {
    this.fetches.push(fetch);
  }

  purge(): number {
    const gone = this.messages.filter(({ state }) => state === 'ready' || state === 'delayed');
    for (const message of gone) this.#remove(message);
    this.counts.purged += gone.length;
    return gone.length;
  }

  requeueInFlight(): number {
    const held = this.inState('in-flight').sort((a, b) => a.sequence - b.sequence);
    for (const message of held) {
      this.counts.requeued++;
      this.#takeBack(message);
    }
    return held.length;
  }

  takeReady(limit: number): number[] {
    const taken = this.ready().slice(0, limit);
    for (const message of taken) this.#remove(message);
    this.counts.moved += taken.length;
    return taken.map(({ id }) => id);
  }

  /** One millisecond passes: before the queue hears of it. */
  tick(): void {
    this.nowMs++;
    this.#tickSequence = this.#nextSequence;
  }

  /** The millisecond is over: whatever is due has happened. `ready` = ids as the queue has them. */
  tickOver(ready: readonly number[]): void {
    for (const message of this.#due()) this.#timeOut(message);
    const fresh = this.inState('ready').filter(({ sequence }) => sequence >= this.#tickSequence);
    const sequences = fresh.map(({ sequence }) => sequence).sort((a, b) => a - b);
    fresh.sort((a, b) => ready.indexOf(a.id) - ready.indexOf(b.id));
    for (const [index, message] of fresh.entries()) message.sequence = sequences[index];
    this.#tickSequence = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.fetches) assert.ok(dueMs > this.nowMs, 'a fetch waits beyond its time');
  }

  // Effects, as the queue has them.

  delivered(id: number, address: number, fetch: number, attempts: number): void {
    assert.ok(!this.paused, 'a paused queue delivers nothing');
    if (this.#get(id).state !== 'ready') this.#timeOut(this.#get(id));
    const message = this.#get(id);
    assert.equal(message.state, 'ready', `message ${id} was delivered`);
    assert.ok(message.expireAtMs > this.nowMs, `expired message ${id} was delivered`);
    const before = this.ready().find((other) => other.expireAtMs > this.nowMs);
    const due = new Set(this.#due().map((other) => other.id));
    assert.ok(before?.id === id || due.size > 0, `message ${before?.id} is before ${id}`);
    const oldest = this.fetches[0];
    if (fetch === -1) {
      assert.equal(oldest, undefined, 'fetches are served before subscriptions');
      if (this.credit(address) <= 0) {
        // Its credit may have come back in this very millisecond.
        const overdue = this.#due().find((other) => other.holder === address && !other.fetched);
        assert.ok(overdue !== undefined, `consumer ${address} has no credit`);
        this.#timeOut(overdue);
      }
    } else {
      assert.deepEqual([oldest.address, oldest.fetch], [address, fetch]);
      this.fetches.shift();
    }
    this.#goesFirst(message);
    this.counts.delivered++;
    message.attempts++;
    if (message.attempts > 1) this.counts.redelivered++;
    assert.equal(attempts, message.attempts);
    if (fetch !== -1 && oldest.autoack) {
      this.counts.acked++;
      this.#remove(message);
      return;
    }
    message.state = 'in-flight';
    message.holder = address;
    message.fetched = fetch !== -1;
    message.dueMs = this.options.ackTimeoutMs > 0 ? this.nowMs + this.options.ackTimeoutMs : Number.POSITIVE_INFINITY;
  }

  fetchTimedOut(address: number, fetch: number): void {
    const index = this.fetches.findIndex((pending) => pending.address === address && pending.fetch === fetch);
    assert.ok(index >= 0 && this.fetches[index].dueMs <= this.nowMs, `fetch ${fetch} timed out`);
    this.fetches.splice(index, 1);
  }

  unblocked(publish: number, result: number): void {
    const [message] = this.inState('blocked');
    assert.equal(message?.id, publish, 'blocked publishes get in in order');
    if (result === full) {
      this.counts.rejectedFull++;
      this.seen.delete(message.dedup);
      this.#remove(message);
      return;
    }
    this.counts.accepted++;
    this.#remove(message);
    if (message.expireAtMs <= this.nowMs) {
      assert.equal(result, expired);
      this.counts.expired++;
      return;
    }
    assert.equal(result, accepted);
    this.#place(message);
  }

  deadLettered(id: number, taken: boolean): void {
    const message = this.messages.find((other) => other.id === id);
    if (message !== undefined) this.#timeOut(message);
    assert.ok(this.dead.includes(id), `message ${id} is dead`);
    this.dead = this.dead.filter((other) => other !== id);
    if (!taken) return;
    this.counts.deadLettered++;
    this.counts.droppedMaxDeliveries--;
  }

  // How messages move.

  #newMessage(given: ModelPublish, expireAtMs: number): ModelMessage {
    const { id, priority, deliverAtMs, dedup, address } = given;
    const rest = { sequence: -1, attempts: 0, holder: -1, fetched: false, dueMs: 0 };
    return { id, priority, expireAtMs, deliverAtMs, dedup, address, state: 'ready', ...rest };
  }

  #deliverAtMs(message: ModelMessage): number {
    if (message.deliverAtMs === 0 && this.options.delayMs > 0) return this.nowMs + this.options.delayMs;
    return message.deliverAtMs;
  }

  #place(message: ModelMessage): void {
    const deliverAtMs = this.#deliverAtMs(message);
    message.state = deliverAtMs > this.nowMs ? 'delayed' : 'ready';
    message.dueMs = deliverAtMs;
    if (message.state === 'ready') message.sequence = this.#nextSequence++;
    this.messages.push(message);
  }

  /** Of messages that became ready in the same millisecond, the one that is delivered first is the first. */
  #goesFirst(message: ModelMessage): void {
    if (message.sequence < this.#tickSequence) return;
    const others = this.ready().filter((other) => other.priority === message.priority);
    const first = others.find((other) => other.sequence >= this.#tickSequence) ?? message;
    [message.sequence, first.sequence] = [first.sequence, message.sequence];
  }

  #takeBack(message: ModelMessage): void {
    const { maxDeliveries } = this.options;
    message.holder = -1;
    if (message.expireAtMs <= this.nowMs) {
      this.counts.expired++;
      this.#remove(message);
    } else if (maxDeliveries > 0 && message.attempts >= maxDeliveries) {
      this.counts.droppedMaxDeliveries++;
      if (this.options.deadLetterQueue !== '') this.dead.push(message.id);
      this.#remove(message);
    } else message.state = 'ready';
  }

  /** Messages whose time has come, in the order in which it came. */
  #due(): ModelMessage[] {
    const due = this.messages.filter((message) => {
      if (message.state === 'blocked') return false;
      if (message.state === 'in-flight') return message.dueMs <= this.nowMs;
      return message.expireAtMs <= this.nowMs || (message.state === 'delayed' && message.dueMs <= this.nowMs);
    });
    return due.sort((a, b) => a.dueMs - b.dueMs || a.id - b.id);
  }

  #timeOut(message: ModelMessage): void {
    if (!this.#due().includes(message)) return;
    if (message.state === 'in-flight') {
      this.counts.ackTimeout++;
      this.#takeBack(message);
    } else if (message.expireAtMs <= this.nowMs) {
      this.counts.expired++;
      this.#remove(message);
    } else {
      message.state = 'ready';
      message.sequence = this.#nextSequence++;
    }
  }

  /** Makes room for one message of this priority; false when that one itself is the least. */
  #dropOldest(priority: number): boolean {
    while (this.waiting() >= this.options.limit) {
      const ready = this.inState('ready').sort((a, b) => a.priority - b.priority || a.sequence - b.sequence);
      const oldest = ready[0] ?? this.inState('delayed')[0];
      if (oldest === undefined || oldest.priority > priority) return false;
      this.counts.droppedLimit++;
      this.#remove(oldest);
    }
    return true;
  }

  #remember(dedup: string): void {
    if (dedup !== '') this.seen.set(dedup, this.nowMs + this.options.dedupWindowMs);
  }

  #deliveredMessage(id: number): ModelMessage | undefined {
    return this.messages.find((message) => message.id === id && message.attempts > 0);
  }

  #get(id: number): ModelMessage {
    const message = this.messages.find((other) => other.id === id);
    assert.ok(message !== undefined, `message ${id} is gone`);
    return message;
  }

  #remove(message: ModelMessage): void {
    this.messages = this.messages.filter((other) => other !== message);
  }
}
