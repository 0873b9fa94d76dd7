// What goes out and what comes back: consumers and fetches take messages, hold them until they settle, and lose them
// when their time runs out. run() is the one place that delivers. Effects go out through QueueHandler in the middle of
// it and may call the queue again: such a call only changes the state, and the run() that is under way goes on from
// there.
// Lives on: a shard, one per queue. Called by: Queue.
import type { TimingWheel } from '../base/timing-wheel.ts';
import { type Consumer, Consumers } from './consumers.ts';
import { FetchList, type PendingFetch } from './fetch-list.ts';
import type { Intake } from './intake.ts';
import {
  NO_MESSAGE,
  ROW_CONSUMER,
  ROW_DUE,
  ROW_EXPIRE,
  ROW_SEQUENCE,
  ROW_TAGS,
  State,
  TAG_FETCHED,
} from './message-row.ts';
import type { MessageTable } from './message-table.ts';
import { PublishResult } from './publish-result.ts';
import type { Queue, QueueHandler } from './queue.ts';
import { DOUBLE_DELIVER_AT_MS, DOUBLE_EXPIRE_AT_MS, TAG_MOVED, WORD_TAGS } from './record.ts';
import type { Stock } from './stock.ts';

/** Items of the wheel that are no message: the queue's ack timer, and fetches, which count down from the second. */
export const ACK_TIMER = -1;
export const FETCH_TIMER = -16;
const NO_TIMER = -1;
const NO_FETCH = -1;

/** Most messages one timer takes back at once, so that a million time-outs do not stop the shard. */
const TIMEOUTS_PER_TURN_MAX = 10_000;

export class Delivery {
  readonly consumers = new Consumers();
  readonly fetches = new FetchList();
  paused = false;
  /** Last time somebody came, went, or asked for a message, ms. */
  activeMs: number;
  readonly #queue: Queue;
  readonly #handler: QueueHandler;
  readonly #messages: MessageTable;
  readonly #stock: Stock;
  readonly #intake: Intake;
  readonly #wheel: TimingWheel;
  #running = false;
  /** Messages that are just being handed to another queue. */
  #leaving = 0;
  /** One timer for all in flight: they have the same time, so the first of them is due first. */
  #ackTimer = NO_TIMER;

  constructor(
    queue: Queue,
    parts: { handler: QueueHandler; wheel: TimingWheel; stock: Stock; intake: Intake; nowMs: number },
  ) {
    this.#queue = queue;
    this.#messages = queue.messages;
    this.#handler = parts.handler;
    this.#wheel = parts.wheel;
    this.#stock = parts.stock;
    this.#intake = parts.intake;
    this.activeMs = parts.nowMs;
  }

  /** Messages that consumers, or other queues, are having. */
  get inFlightCount(): number {
    return this.#stock.inFlight.length + this.#leaving;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Whether somebody takes a message now. */
  get hasTaker(): boolean {
    return !this.paused && (this.fetches.first !== undefined || this.consumers.turn !== undefined);
  }

  /** Delivers and lets blocked publishes in until nobody takes or nothing is left. */
  run(nowMs: number): void {
    const stock = this.#stock;
    if (this.#running || (stock.ready.count === 0 && stock.blocked.length === 0)) return;
    this.#running = true;
    try {
      for (;;) {
        if (stock.blocked.length > 0 && this.#mayEnter(nowMs)) this.#letIn(nowMs);
        else if (stock.ready.count > 0 && this.hasTaker) this.#deliverNext(nowMs);
        else break;
      }
    } finally {
      this.#running = false;
    }
  }

  /** Hands a held message, which nothing is ahead of, to whoever takes it now. */
  deliverAtOnce(message: number, nowMs: number): void {
    this.#stock.sequence(message);
    this.#running = true;
    try {
      this.#handOut(message, nowMs);
    } finally {
      this.#running = false;
    }
    this.run(nowMs);
  }

  /** Lets `change` call out without any delivery in the middle of it; the caller runs afterwards. */
  quietly(change: () => void): void {
    const running = this.#running;
    this.#running = true;
    try {
      change();
    } finally {
      this.#running = running;
    }
  }

  /** Gives memory back, when nobody is looking at a record. */
  tidy(): void {
    if (!this.#running) this.#stock.tidy();
  }

  /** A held message that was accepted gets its place among the waiting. */
  enqueue(message: number, deliverAtMs: number, nowMs: number): void {
    if (deliverAtMs > nowMs) this.#stock.toDelayed(message, deliverAtMs);
    else this.#stock.toReady(message);
  }

  /** Takes a message in flight from its consumer, whose credit comes back; it is held then. */
  release(message: number): void {
    const consumer = this.consumers.at(this.#messages.word(message, ROW_CONSUMER));
    const fetched = (this.#messages.word(message, ROW_TAGS) & TAG_FETCHED) !== 0;
    this.#stock.fromInFlight(message, consumer);
    if (!fetched) this.consumers.giveBack(consumer);
    if (!consumer.subscribed) this.consumers.forgetIdle(consumer);
  }

  /** Takes a message in flight back: to its old place, unless its life is over. */
  takeBack(message: number, nowMs: number): void {
    const { options, ledger } = this.#queue;
    this.release(message);
    if (this.#messages.double(message, ROW_EXPIRE) <= nowMs) {
      ledger.expired++;
      this.#stock.destroy(message);
    } else if (options.maxDeliveries > 0 && this.#messages.attempts(message) >= options.maxDeliveries) {
      this.#bury(message);
    } else this.#stock.backToReady(message);
  }

  /** The ack timer has gone off: takes back what is overdue. */
  ackTimedOut(nowMs: number): void {
    const stock = this.#stock;
    this.#ackTimer = NO_TIMER;
    this.quietly(() => {
      for (let taken = 0; taken < TIMEOUTS_PER_TURN_MAX; taken++) {
        const message = stock.inFlight.head;
        if (message === NO_MESSAGE || this.#messages.double(message, ROW_DUE) > nowMs) return;
        this.#queue.ledger.ackTimeout++;
        this.takeBack(message, nowMs);
      }
    });
    this.#watchAcks();
  }

  /** A message's own timer has gone off: it has expired, or its delay is over. */
  messageTimedOut(message: number, nowMs: number): void {
    const stock = this.#stock;
    const messages = this.#messages;
    stock.timerFired(message);
    const expireAtMs = messages.double(message, ROW_EXPIRE);
    const delayed = messages.state(message) === State.delayed;
    const deliverAtMs = delayed ? messages.double(message, ROW_DUE) : Number.POSITIVE_INFINITY;
    if (expireAtMs <= nowMs) this.#expire(message);
    else if (deliverAtMs <= nowMs) {
      stock.hold(message);
      stock.toReady(message);
    } else stock.rearm(message, Math.min(deliverAtMs, expireAtMs));
  }

  /** Hands the first ready message to `visit`, which copies it elsewhere; false when it stays, or none is left. */
  handAway(visit: (message: number) => boolean, nowMs: number): boolean {
    const stock = this.#stock;
    let message = stock.ready.first;
    for (; message !== NO_MESSAGE && this.#messages.double(message, ROW_EXPIRE) <= nowMs; message = stock.ready.first) {
      this.#expire(message);
    }
    if (message === NO_MESSAGE) return false;
    stock.hold(message);
    this.#markMoved(message);
    this.#leaving++;
    const taken = visit(message);
    this.#leaving--;
    if (taken) {
      this.#queue.ledger.moved++;
      stock.destroy(message);
    } else stock.backToReady(message);
    return taken;
  }

  fetch(consumer: Consumer, fetch: number, timeoutMs: number, autoack: boolean, nowMs: number): void {
    const pending = this.fetches.append(consumer, fetch, autoack);
    // In the middle of a run it is not known yet whether a message is left: the next tick answers then.
    const atOnce = !(timeoutMs > 0) && !this.#running;
    if (!atOnce) {
      const deadlineMs = timeoutMs > 0 ? nowMs + timeoutMs : nowMs;
      pending.timer = this.#wheel.arm(deadlineMs, this.#queue.number, FETCH_TIMER - pending.slot);
    }
    this.run(nowMs);
    if (atOnce && this.fetches.waits(pending)) this.#answerEmpty(pending);
  }

  fetchTimedOut(slot: number, nowMs: number): void {
    const pending = this.fetches.at(slot);
    pending.timer = NO_TIMER;
    this.activeMs = nowMs;
    this.#answerEmpty(pending);
  }

  cancelFetches(consumer: Consumer): void {
    for (let pending = this.fetches.find(consumer); pending !== undefined; pending = this.fetches.find(consumer)) {
      this.#endFetch(pending);
    }
  }

  /** The queue is deleted: whoever waits is told, and no timer is left. */
  close(): void {
    if (this.#ackTimer !== NO_TIMER) this.#wheel.disarm(this.#ackTimer);
    this.#ackTimer = NO_TIMER;
    while (this.fetches.first !== undefined) this.#answerEmpty(this.fetches.first);
  }

  /** Whether the first blocked publish may get in. */
  #mayEnter(nowMs: number): boolean {
    const stock = this.#stock;
    if (stock.waitingCount < this.#queue.options.limit) return true;
    if (stock.ready.count > 0 || !this.hasTaker) return false;
    const message = stock.blocked.head;
    return this.#intake.deliverAt(this.#messages.memory(message), this.#messages.offset(message), nowMs) <= nowMs;
  }

  #letIn(nowMs: number): void {
    const stock = this.#stock;
    const messages = this.#messages;
    const message = stock.blocked.head;
    const address = messages.double(message, ROW_DUE);
    const publish = messages.double(message, ROW_SEQUENCE);
    stock.hold(message);
    this.#queue.ledger.accepted++;
    let result: number = PublishResult.accepted;
    if (messages.double(message, ROW_EXPIRE) <= nowMs) {
      result = PublishResult.expired;
      this.#queue.ledger.expired++;
      stock.destroy(message);
    } else {
      this.enqueue(message, this.#intake.deliverAt(messages.memory(message), messages.offset(message), nowMs), nowMs);
    }
    this.#handler.unblocked(this.#queue, address, publish, result);
  }

  #deliverNext(nowMs: number): void {
    const message = this.#stock.ready.first;
    if (this.#messages.double(message, ROW_EXPIRE) <= nowMs) {
      this.#expire(message);
      return;
    }
    this.#stock.hold(message);
    this.#handOut(message, nowMs);
  }

  /** Gives a held message to the oldest fetch, else to the consumer whose turn it is. */
  #handOut(message: number, nowMs: number): void {
    const pending = this.fetches.first;
    if (pending !== undefined) {
      const { consumer, fetch, autoack } = pending;
      this.activeMs = nowMs;
      this.#endFetch(pending);
      if (autoack) this.#handOver(message, consumer, fetch);
      else this.#send(message, consumer, fetch, nowMs);
      return;
    }
    const consumer = this.consumers.turn as Consumer;
    this.consumers.take(consumer);
    this.#send(message, consumer, NO_FETCH, nowMs);
  }

  #send(message: number, consumer: Consumer, fetch: number, nowMs: number): void {
    const queue = this.#queue;
    this.#countDelivery(message);
    this.#stock.toInFlight(message, consumer, nowMs + queue.options.ackTimeoutMs, fetch !== NO_FETCH);
    if (this.#ackTimer === NO_TIMER) this.#watchAcks();
    this.#handler.deliver(queue, consumer.address, message, fetch);
  }

  /** Delivers for good: the consumer asked for no ack. */
  #handOver(message: number, consumer: Consumer, fetch: number): void {
    const queue = this.#queue;
    this.#countDelivery(message);
    queue.ledger.acked++;
    this.#stock.forgetId(message);
    this.consumers.forgetIdle(consumer);
    this.#handler.deliver(queue, consumer.address, message, fetch);
    this.#stock.destroy(message);
  }

  #countDelivery(message: number): void {
    const ledger = this.#queue.ledger;
    ledger.delivered++;
    if (this.#stock.countAttempt(message) > 1) ledger.redelivered++;
  }

  /** The message was delivered too often: another queue takes it, or nobody. */
  #bury(message: number): void {
    const { options, ledger, name } = this.#queue;
    let taken = false;
    if (options.deadLetterQueue !== '' && options.deadLetterQueue !== name) {
      this.#markMoved(message);
      const memory = this.#messages.memory(message);
      const double = this.#messages.offset(message) >> 3;
      // A dead letter is kept for somebody to look at: its times were those of this queue's consumers.
      memory.doubles[double + DOUBLE_EXPIRE_AT_MS] = 0;
      memory.doubles[double + DOUBLE_DELIVER_AT_MS] = 0;
      this.#stock.forgetId(message);
      this.#leaving++;
      this.quietly(() => {
        taken = this.#handler.deadLetter(this.#queue, message, 'max-deliveries');
      });
      this.#leaving--;
    }
    if (taken) ledger.deadLettered++;
    else ledger.droppedMaxDeliveries++;
    this.#stock.destroy(message);
  }

  /** Tells the dedup window of the queue it goes to that this is no new publish. */
  #markMoved(message: number): void {
    this.#messages.memory(message).words[(this.#messages.offset(message) >> 2) + WORD_TAGS] |= TAG_MOVED;
  }

  #expire(message: number): void {
    this.#stock.hold(message);
    this.#queue.ledger.expired++;
    this.#stock.destroy(message);
  }

  #watchAcks(): void {
    const head = this.#stock.inFlight.head;
    if (this.#ackTimer !== NO_TIMER || head === NO_MESSAGE || this.#queue.options.ackTimeoutMs === 0) return;
    this.#ackTimer = this.#wheel.arm(this.#messages.double(head, ROW_DUE), this.#queue.number, ACK_TIMER);
  }

  #answerEmpty(pending: PendingFetch): void {
    this.#endFetch(pending);
    this.consumers.forgetIdle(pending.consumer);
    this.#handler.fetchTimedOut(this.#queue, pending.consumer.address, pending.fetch);
  }

  #endFetch(pending: PendingFetch): void {
    if (pending.timer !== NO_TIMER) this.#wheel.disarm(pending.timer);
    this.fetches.remove(pending);
  }
}
