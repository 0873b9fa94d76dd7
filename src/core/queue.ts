// The queue machine: competing consumers, acks, redelivery, limits and times of one queue, without clock or socket.
//
//   publish -> intake.ts -> stock.ts (ready, delayed, blocked) -> delivery.ts -> consumers, fetches
//                             ^------------- takeBack -------------------'  '-> ack
//
// Invariant between calls: a message is ready only while nobody takes it (no waiting fetch, no consumer with credit, or
// paused), and a publish is blocked only while the queue is full. Every change ends with a run of the delivery, which
// restores it. Every message that was accepted is in the ledger at every moment.
// Lives on: a shard, the one that owns the queue. Called by: the shard's broker, and its wheel through timer().
import { ACK_TIMER, Delivery, FETCH_TIMER } from './delivery.ts';
import { Intake } from './intake.ts';
import type { LaneUser } from './lane.ts';
import { Ledger, type LedgerCounts } from './ledger.ts';
import { NO_MESSAGE, ROW_CONSUMER, ROW_NEXT, State } from './message-row.ts';
import type { MessageTable } from './message-table.ts';
import { PublishResult } from './publish-result.ts';
import { exportQueue, type QueueParts } from './queue-export.ts';
import type { QueueHandler, QueueShared, TransferAnswer } from './queue-handler.ts';
import type { ImageWriter } from './queue-image.ts';
import { QueueImport } from './queue-import.ts';
import type { QueueOptions } from './queue-options.ts';
import { QueueTimers } from './queue-timers.ts';
import type { RecordMemory } from './record.ts';
import { SettleResult } from './settle-result.ts';
import { Stock } from './stock.ts';

/** Where a message is, as peek() tells it. */
export type MessageState = 'ready' | 'in-flight' | 'delayed';

export class Queue implements LaneUser {
  readonly number: number;
  readonly name: string;
  readonly options: QueueOptions;
  readonly messages: MessageTable;
  readonly ledger = new Ledger();
  readonly #handler: QueueHandler;
  readonly #stock: Stock;
  readonly #intake: Intake;
  readonly #delivery: Delivery;
  readonly #timers: QueueTimers;
  #closed = false;

  constructor(number: number, options: QueueOptions, shared: QueueShared, nowMs: number) {
    const { messages, wheel, handler, laneOf } = shared;
    this.number = number;
    this.name = options.name;
    this.options = options;
    this.messages = messages;
    this.#handler = handler;
    this.#stock = new Stock(number, messages, wheel);
    this.#intake = new Intake(options, this.#stock, messages, this.ledger);
    this.#delivery = new Delivery(this, { handler, wheel, laneOf, stock: this.#stock, intake: this.#intake, nowMs });
    this.#timers = new QueueTimers(this, { handler, wheel, intake: this.#intake, nowMs });
  }

  get paused(): boolean {
    return this.#delivery.paused;
  }

  get readyCount(): number {
    return this.#stock.ready.count;
  }

  get inFlightCount(): number {
    return this.#delivery.inFlightCount;
  }

  get delayedCount(): number {
    return this.#stock.delayed.length;
  }

  get blockedCount(): number {
    return this.#stock.blocked.length;
  }

  get consumerCount(): number {
    return this.#delivery.consumers.count;
  }

  get fetchCount(): number {
    return this.#delivery.fetches.count;
  }

  /** Last time somebody came, went, or asked for a message, ms. */
  get activeMs(): number {
    return this.#delivery.activeMs;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Somebody uses the queue. */
  touch(nowMs: number): void {
    this.#delivery.activeMs = nowMs;
  }

  /** Bytes of the records held. */
  get bytes(): number {
    return this.#stock.bytes;
  }

  /** Returns a PublishResult. `address` -1 = nobody waits for a confirm: what would block is refused instead. */
  publish(memory: RecordMemory, offset: number, address: number, publish: number, nowMs: number): number {
    if (this.#closed) return PublishResult.gone;
    const stock = this.#stock;
    const intake = this.#intake;
    const delivery = this.#delivery;
    delivery.activeMs = nowMs;
    const taken = stock.ready.count === 0 && !delivery.running && delivery.hasTaker;
    const result = intake.admit(memory, offset, address, nowMs, taken);
    const message = intake.message;
    if (this.options.dedupWindowMs > 0) this.#timers.watchDedup(nowMs + this.options.dedupWindowMs);
    if (message === NO_MESSAGE) return result;
    if (result === PublishResult.blocked) stock.toBlocked(message, delivery.consumers.obtain(address), publish);
    else if (taken && intake.deliverAtMs <= nowMs) delivery.deliverAtOnce(message, nowMs);
    else stock.enqueue(message, intake.deliverAtMs, nowMs);
    return result;
  }

  /** The same address again changes its prefetch. */
  subscribe(address: number, prefetch: number, nowMs: number): void {
    if (this.#closed) return;
    const { consumers } = this.#delivery;
    this.#delivery.activeMs = nowMs;
    consumers.subscribe(consumers.obtain(address), prefetch);
    this.#delivery.run(nowMs);
  }

  /**
   * The session left or died: what it held unacked goes back to the head in order, its fetches are cancelled, and its
   * blocked publishes are given up, all without an answer.
   */
  unsubscribe(address: number, nowMs: number): void {
    const delivery = this.#delivery;
    const consumer = delivery.consumers.find(address);
    if (consumer === undefined || this.#closed) return;
    delivery.activeMs = nowMs;
    delivery.consumers.unsubscribe(consumer);
    delivery.cancelFetches(consumer);
    delivery.gate.giveUp(consumer);
    consumer.lane.leave(this, address);
    delivery.quietly(() => {
      while (consumer.held.head !== NO_MESSAGE) {
        this.ledger.requeued++;
        delivery.takeBack(consumer.held.head, nowMs);
      }
    });
    delivery.consumers.forgetIdle(consumer);
    this.#settle(nowMs);
  }

  /** Settles the message with the four id words. Returns a SettleResult. */
  ack(id0: number, id1: number, id2: number, id3: number, nowMs: number): number {
    const stock = this.#stock;
    const message = stock.find(id0, id1, id2, id3);
    if (message === NO_MESSAGE) return SettleResult.unknown;
    const state = this.messages.state(message);
    if (state === State.inFlight) this.#delivery.release(message);
    else if (state === State.ready) {
      stock.hold(message);
      this.ledger.ackAfter++;
    } else return SettleResult.unknown;
    this.ledger.acked++;
    stock.destroy(message);
    this.#settle(nowMs);
    return state === State.inFlight ? SettleResult.settled : SettleResult.late;
  }

  /** Back to the head at once. Returns a SettleResult; `late` = it is back already. */
  requeue(id0: number, id1: number, id2: number, id3: number, nowMs: number): number {
    const message = this.#stock.find(id0, id1, id2, id3);
    if (message === NO_MESSAGE) return SettleResult.unknown;
    const state = this.messages.state(message);
    if (state === State.ready) return SettleResult.late;
    if (state !== State.inFlight) return SettleResult.unknown;
    this.ledger.requeued++;
    this.#delivery.takeBack(message, nowMs);
    this.#settle(nowMs);
    return SettleResult.settled;
  }

  /** One message now or within `timeoutMs`, or fetchTimedOut; 0 = answer at once. */
  fetch(address: number, fetch: number, timeoutMs: number, autoack: boolean, nowMs: number): void {
    if (this.#closed) {
      this.#handler.fetchTimedOut(this, address, fetch);
      return;
    }
    this.#delivery.activeMs = nowMs;
    this.#delivery.fetch(this.#delivery.consumers.obtain(address), fetch, timeoutMs, autoack, nowMs);
  }

  /** Forgets the fetches of an address that are not answered yet; they get no answer. */
  cancelFetches(address: number, nowMs: number): void {
    const { consumers } = this.#delivery;
    const consumer = consumers.find(address);
    if (consumer === undefined) return;
    this.#delivery.activeMs = nowMs;
    this.#delivery.cancelFetches(consumer);
    consumers.forgetIdle(consumer);
  }

  /** Nothing is delivered until resume(); times go on. */
  pause(): void {
    this.#delivery.paused = true;
  }

  resume(nowMs: number): void {
    this.#delivery.paused = false;
    this.#delivery.run(nowMs);
  }

  /** Drops what waits (ready and delayed) and gives up blocked publishes. Returns how many messages were purged. */
  purge(nowMs: number): number {
    this.#refuseBlocked(PublishResult.full);
    const purged = this.#purgeWaiting();
    this.#settle(nowMs);
    return purged;
  }

  /** Shows up to `limit` messages: ready in order of delivery, then in flight, then delayed. */
  peek(limit: number, visit: (message: number, state: MessageState) => void): void {
    const { ready, inFlight, delayed } = this.#stock;
    let left = limit;
    for (let at = ready.first; at !== NO_MESSAGE && left > 0; at = ready.after(at), left--) visit(at, 'ready');
    for (let at = inFlight.head; at !== NO_MESSAGE && left > 0; at = this.messages.word(at, ROW_NEXT), left--) {
      visit(at, 'in-flight');
    }
    for (let at = delayed.head; at !== NO_MESSAGE && left > 0; at = this.messages.word(at, ROW_NEXT), left--) {
      visit(at, 'delayed');
    }
  }

  /** Takes everything in flight back. Returns how many. */
  requeueInFlight(nowMs: number): number {
    const { inFlight } = this.#stock;
    const count = inFlight.length;
    this.#delivery.quietly(() => {
      for (let taken = 0; taken < count && inFlight.head !== NO_MESSAGE; taken++) {
        this.ledger.requeued++;
        this.#delivery.takeBack(inFlight.head, nowMs);
      }
    });
    this.#settle(nowMs);
    return count;
  }

  /**
   * Hands up to `limit` ready messages, in order of delivery, to `visit`; the first that is refused ends this. Returns
   * how many were not.
   */
  takeReady(limit: number, visit: (message: number) => TransferAnswer, nowMs: number): number {
    const most = Math.min(limit, this.#stock.ready.count);
    let handed = 0;
    this.#delivery.quietly(() => {
      while (handed < most && this.#delivery.handAway(visit, nowMs)) handed++;
    });
    this.#settle(nowMs);
    return handed;
  }

  /** The queue that a message was handed to has answered, after `later`. */
  transferred(message: number, taken: boolean, nowMs: number): void {
    this.#delivery.departures.transferred(message, taken);
    this.#settle(nowMs);
  }

  /** The way to this consumer has room again. */
  laneOpened(address: number, nowMs: number): void {
    const consumer = this.#delivery.consumers.find(address);
    if (consumer !== undefined && !this.#closed) this.#delivery.laneOpened(consumer, nowMs);
  }

  /** Whether a queue with an idle time to live has outlived it. */
  isIdle(nowMs: number): boolean {
    const { idleTtlMs } = this.options;
    const used = this.consumerCount + this.fetchCount > 0;
    return idleTtlMs > 0 && !used && nowMs - this.#delivery.activeMs >= idleTtlMs;
  }

  /** The queue is deleted: all that is left counts as purged. Returns how many. */
  close(_nowMs: number): number {
    if (this.#closed) return 0;
    this.#closed = true;
    this.#timers.disarm();
    const { inFlight, leaving } = this.#stock;
    let purged = this.#purgeWaiting();
    for (; inFlight.head !== NO_MESSAGE || leaving.head !== NO_MESSAGE; purged++) {
      const message = inFlight.head === NO_MESSAGE ? leaving.head : inFlight.head;
      if (message === inFlight.head) this.#delivery.release(message);
      else this.#stock.hold(message);
      this.#stock.destroy(message);
      this.ledger.purged++;
    }
    this.#refuseBlocked(PublishResult.gone);
    this.#delivery.close();
    return purged;
  }

  /** Whether all messages are here: none waits for the answer of another queue. */
  get isWhole(): boolean {
    return this.#delivery.departures.count === 0;
  }

  /** Nothing is delivered any more: the queue is about to leave. */
  freeze(): void {
    this.#delivery.frozen = true;
  }

  /** Writes all there is to the queue, which must be whole and left alone, step by step. */
  export(writer: ImageWriter, nowMs: number): Iterator<undefined> {
    this.freeze();
    return exportQueue(this.#parts(), writer, nowMs);
  }

  /** Takes an image in, into a queue that was just made. */
  importer(addressOf: (address: number) => number, nowMs: number): QueueImport {
    this.freeze();
    return new QueueImport(this.#parts(), addressOf, nowMs);
  }

  /** The image is complete. */
  serve(nowMs: number): void {
    this.#delivery.serve(nowMs);
    this.#timers.watchDedup(nowMs + this.options.dedupWindowMs);
  }

  /** A timer of this queue went off while it leaves. */
  forgetTimer(item: number): void {
    if (!this.#timers.forget(item)) this.#delivery.forgetTimer(item);
  }

  /** The queue lives on elsewhere, out of its image: everything here ends, and nobody is told. */
  vanish(): void {
    this.#closed = true;
    this.#timers.disarm();
    this.#delivery.vanish();
    this.#stock.clear((message) => this.#delivery.consumers.at(this.messages.word(message, ROW_CONSUMER)));
  }

  #parts(): QueueParts {
    return { queue: this, stock: this.#stock, intake: this.#intake, delivery: this.#delivery };
  }

  /** Called by the shard's wheel for a timer of this queue. */
  timer(item: number, nowMs: number): void {
    if (this.#timers.timedOut(item, nowMs)) return;
    if (item <= FETCH_TIMER) this.#delivery.fetchTimedOut(FETCH_TIMER - item, nowMs);
    else {
      if (item === ACK_TIMER) this.#delivery.ackTimedOut(nowMs);
      else this.#delivery.messageTimedOut(item, nowMs);
      this.#settle(nowMs);
    }
  }

  counts(): LedgerCounts {
    const { readyCount, inFlightCount, delayedCount, blockedCount } = this;
    return this.ledger.counts({
      ready: readyCount,
      inFlight: inFlightCount,
      delayed: delayedCount,
      blocked: blockedCount,
    });
  }

  /** Ends every change but a publish: delivers what can be delivered, and gives memory back. */
  #settle(nowMs: number): void {
    this.#delivery.run(nowMs);
    this.#delivery.tidy();
  }

  #purgeWaiting(): number {
    const { ready, delayed } = this.#stock;
    const purged = ready.count + delayed.length;
    for (let left = purged; left > 0; left--) {
      const message = ready.count > 0 ? ready.first : delayed.head;
      this.#stock.hold(message);
      this.#stock.destroy(message);
    }
    this.ledger.purged += purged;
    return purged;
  }

  #refuseBlocked(result: number): void {
    this.#delivery.quietly(() => this.#delivery.gate.refuse(result));
  }
}
