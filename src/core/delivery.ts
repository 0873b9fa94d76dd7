// What goes out and what comes back: consumers and fetches take messages, hold them until they settle, and lose them
// when their time runs out. run() is the one place that delivers. Effects go out through QueueHandler in the middle of
// it and may call the queue again: such a call only changes the state, and the run() that is under way goes on from
// there.
// Lives on: a shard, one per queue. Called by: Queue.
import type { TimingWheel } from '../base/timing-wheel.ts';
import { type Consumer, Consumers } from './consumers.ts';
import { Departures } from './departures.ts';
import { FetchList, type PendingFetch } from './fetch-list.ts';
import { Gate } from './gate.ts';
import type { Intake } from './intake.ts';
import type { Lane } from './lane.ts';
import { NO_MESSAGE, ROW_CONSUMER, ROW_DUE, ROW_EXPIRE, ROW_TAGS, State, TAG_FETCHED } from './message-row.ts';
import type { MessageTable } from './message-table.ts';
import type { Queue } from './queue.ts';
import type { QueueHandler, TransferAnswer } from './queue-handler.ts';
import type { Stock } from './stock.ts';

/** Items of the wheel that are no message: the queue's ack timer, and fetches, which count down from the second. */
export const ACK_TIMER = -1;
export const FETCH_TIMER = -16;
const NO_TIMER = -1;
const NO_FETCH = -1;

/** Most messages one timer takes back at once, so that a million time-outs do not stop the shard. */
const TIMEOUTS_PER_TURN_MAX = 10_000;

export class Delivery {
  readonly consumers: Consumers;
  readonly fetches = new FetchList();
  readonly departures: Departures;
  readonly gate: Gate;
  paused = false;
  /** Just coming from or going to another place: nothing is delivered. */
  frozen = false;
  /** Last time somebody came, went, or asked for a message, ms. */
  activeMs: number;
  readonly #queue: Queue;
  readonly #handler: QueueHandler;
  readonly #messages: MessageTable;
  readonly #stock: Stock;
  readonly #wheel: TimingWheel;
  #running = false;
  /** One timer for all in flight: they have the same time, so the first of them is due first. */
  #ackTimer = NO_TIMER;

  constructor(
    queue: Queue,
    parts: {
      handler: QueueHandler;
      wheel: TimingWheel;
      laneOf: (address: number) => Lane;
      stock: Stock;
      intake: Intake;
      nowMs: number;
    },
  ) {
    this.#queue = queue;
    this.#messages = queue.messages;
    this.#handler = parts.handler;
    this.consumers = new Consumers(parts.laneOf);
    this.#wheel = parts.wheel;
    this.#stock = parts.stock;
    this.activeMs = parts.nowMs;
    this.gate = new Gate(queue, { ...parts, consumers: this.consumers });
    this.departures = new Departures(queue, { handler: parts.handler, stock: parts.stock, delivery: this });
  }

  /** Messages that consumers, or other queues, are having. */
  get inFlightCount(): number {
    return this.#stock.inFlight.length + this.departures.count;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Whether somebody takes a message now. */
  get hasTaker(): boolean {
    return !this.paused && !this.frozen && (this.#fetchTurn() !== undefined || this.#consumerTurn() !== undefined);
  }

  /** Delivers and lets blocked publishes in until nobody takes or nothing is left. */
  run(nowMs: number): void {
    const stock = this.#stock;
    if (this.#running || (stock.ready.count === 0 && stock.blocked.length === 0)) return;
    this.#running = true;
    try {
      for (;;) {
        if (stock.blocked.length > 0 && this.gate.isOpen(this.hasTaker, nowMs)) this.gate.letIn(nowMs);
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
  quietly<T>(change: () => T): T {
    const running = this.#running;
    this.#running = true;
    try {
      return change();
    } finally {
      this.#running = running;
    }
  }

  /** Gives memory back, when nobody is looking at a record. */
  tidy(): void {
    if (!this.#running) this.#stock.tidy();
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
      this.departures.bury(message);
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

  /** Hands the first ready message to `visit`; false when it stays, or none is left. */
  handAway(visit: (message: number) => TransferAnswer, nowMs: number): boolean {
    const stock = this.#stock;
    let message = stock.ready.first;
    for (; message !== NO_MESSAGE && this.#messages.double(message, ROW_EXPIRE) <= nowMs; message = stock.ready.first) {
      this.#expire(message);
    }
    if (message === NO_MESSAGE) return false;
    stock.hold(message);
    return this.departures.handAway(message, visit);
  }

  fetch(consumer: Consumer, fetch: number, timeoutMs: number, autoack: boolean, nowMs: number): void {
    const pending = this.fetches.append(consumer, fetch, autoack);
    // In the middle of a run it is not known yet whether a message is left: the next tick answers then.
    const atOnce = !(timeoutMs > 0) && !this.#running;
    if (!atOnce) this.#watchFetch(pending, timeoutMs > 0 ? nowMs + timeoutMs : nowMs);
    this.run(nowMs);
    if (atOnce && !pending.parked && this.fetches.waits(pending)) this.#answerEmpty(pending);
  }

  /** A fetch that waited elsewhere goes on waiting here. */
  restoreFetch(consumer: Consumer, fetch: number, remainingMs: number, autoack: boolean, nowMs: number): void {
    const pending = this.fetches.append(consumer, fetch, autoack);
    this.#watchFetch(pending, nowMs + remainingMs);
  }

  /** All was restored: times run and messages go out from now on. */
  serve(nowMs: number): void {
    this.frozen = false;
    this.#watchAcks();
    this.run(nowMs);
  }

  #watchFetch(pending: PendingFetch, dueMs: number): void {
    pending.dueMs = dueMs;
    pending.timer = this.#wheel.arm(dueMs, this.#queue.number, FETCH_TIMER - pending.slot);
  }

  /** Forgets who waits, without an answer: somebody else has them from now on. */
  vanish(): void {
    if (this.#ackTimer !== NO_TIMER) this.#wheel.disarm(this.#ackTimer);
    this.#ackTimer = NO_TIMER;
    for (const pending of this.fetches.inOrder()) this.#endFetch(pending);
    for (const consumer of this.consumers) consumer.lane.leave(this.#queue, consumer.address);
  }

  /** A timer of the wheel went off and is to have no effect. */
  forgetTimer(item: number): void {
    if (item === ACK_TIMER) this.#ackTimer = NO_TIMER;
    else if (item <= FETCH_TIMER) this.fetches.at(FETCH_TIMER - item).timer = NO_TIMER;
    else this.#stock.timerFired(item);
  }

  fetchTimedOut(slot: number, nowMs: number): void {
    const pending = this.fetches.at(slot);
    pending.timer = NO_TIMER;
    this.activeMs = nowMs;
    this.#answerEmpty(pending);
  }

  cancelFetches(consumer: Consumer): void {
    for (const pending of this.fetches.of(consumer)) this.#endFetch(pending);
  }

  /** The consumer may be served again: its fetches stand in line anew, and those that want an answer at once get it. */
  laneOpened(consumer: Consumer, nowMs: number): void {
    if (!consumer.suspended) return;
    this.fetches.unpark(consumer);
    this.consumers.suspend(consumer, false);
    this.run(nowMs);
    for (const pending of this.fetches.of(consumer)) {
      if (pending.timer === NO_TIMER && !pending.parked && !this.#running) this.#answerEmpty(pending);
    }
  }

  /** The queue is deleted: whoever waits is told, and no timer is left. */
  close(): void {
    if (this.#ackTimer !== NO_TIMER) this.#wheel.disarm(this.#ackTimer);
    this.#ackTimer = NO_TIMER;
    while (this.fetches.first !== undefined) this.#answerEmpty(this.fetches.first);
    for (const pending of this.fetches.parked()) if (this.fetches.waits(pending)) this.#answerEmpty(pending);
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

  /** The fetch to serve next. Consumers whose lane is closed are passed over on the way. */
  #fetchTurn(): PendingFetch | undefined {
    let pending = this.fetches.first;
    while (pending !== undefined && !pending.consumer.lane.isOpen) {
      this.#suspend(pending.consumer);
      pending = this.fetches.first;
    }
    return pending;
  }

  #consumerTurn(): Consumer | undefined {
    let consumer = this.consumers.turn;
    while (consumer !== undefined && !consumer.lane.isOpen) {
      this.#suspend(consumer);
      consumer = this.consumers.turn;
    }
    return consumer;
  }

  #suspend(consumer: Consumer): void {
    this.fetches.park(consumer);
    this.consumers.suspend(consumer, true);
    consumer.lane.wait(this.#queue, consumer.address);
  }

  /** Gives a held message to the oldest fetch, else to the consumer whose turn it is; hasTaker said there is one. */
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
