// The queue machine: competing consumers, acks, redelivery, limits and times of one queue, without clock or socket.
// Lives on: a shard, the one that owns the queue. Called by: the shard's broker; effects go out through QueueHandler.
import { AssertionError } from '../base/assert.ts';
import type { TimingWheel } from '../base/timing-wheel.ts';
import { Ledger, type LedgerCounts } from './ledger.ts';
import type { MessageTable } from './message-table.ts';
import type { QueueOptions } from './queue-options.ts';
import type { RecordMemory } from './record.ts';

export const SettleResult = {
  settled: 0,
  /** After its ack timeout, but before anybody else had it: accepted. */
  late: 1,
  unknown: 2,
} as const;

/** Why a message is dead. */
export type DeadLetterReason = 'max-deliveries';

/** Where a message is, as peek() tells it. */
export type MessageState = 'ready' | 'in-flight' | 'delayed';

/** Effects of a queue; synchronous, called during queue methods. They may call the queue again. */
export interface QueueHandler {
  /** `fetch` -1 = from a subscription. The record is read through queue.messages; its attempts byte is set. */
  deliver(queue: Queue, address: number, message: number, fetch: number): void;
  fetchTimedOut(queue: Queue, address: number, fetch: number): void;
  /** A blocked publish got in (`accepted`), or was given up (`full`: purged, `gone`: queue deleted). */
  unblocked(queue: Queue, address: number, publish: number, result: number): void;
  /** Copies the record elsewhere before it returns; false = nobody took it. */
  deadLetter(queue: Queue, message: number, reason: DeadLetterReason): boolean;
  /** The idle time to live ran out: the owner deletes the queue. */
  idle(queue: Queue): void;
}

/** What all queues of one shard share. */
export interface QueueShared {
  readonly messages: MessageTable;
  readonly wheel: TimingWheel;
  readonly handler: QueueHandler;
}

/** One queue at one moment. */
export interface QueueInfo {
  readonly number: number;
  readonly name: string;
  readonly paused: boolean;
  readonly consumers: number;
  readonly fetches: number;
  readonly bytes: number;
  readonly counts: LedgerCounts;
}

export class Queue {
  readonly number: number;
  readonly name: string;
  readonly options: QueueOptions;
  readonly messages: MessageTable;
  readonly ledger = new Ledger();

  constructor(number: number, options: QueueOptions, shared: QueueShared, _nowMs: number) {
    this.number = number;
    this.name = options.name;
    this.options = options;
    this.messages = shared.messages;
  }

  get paused(): boolean {
    return notBuilt();
  }
  get readyCount(): number {
    return notBuilt();
  }
  get inFlightCount(): number {
    return notBuilt();
  }
  get delayedCount(): number {
    return notBuilt();
  }
  get blockedCount(): number {
    return notBuilt();
  }
  get consumerCount(): number {
    return notBuilt();
  }
  get fetchCount(): number {
    return notBuilt();
  }
  get bytes(): number {
    return notBuilt();
  }

  /** Returns a PublishResult. `address` -1 = nobody waits for a confirm: what would block is refused instead. */
  publish(_memory: RecordMemory, _offset: number, _address: number, _publish: number, _nowMs: number): number {
    return notBuilt();
  }

  /** The same address again changes its prefetch. */
  subscribe(_address: number, _prefetch: number, _nowMs: number): void {
    notBuilt();
  }

  /** The consumer left or died: what it held unacked goes back to the head in order; its fetches are cancelled. */
  unsubscribe(_address: number, _nowMs: number): void {
    notBuilt();
  }

  /** Settles the message with the four id words. Returns a SettleResult. */
  ack(_id0: number, _id1: number, _id2: number, _id3: number, _nowMs: number): number {
    return notBuilt();
  }

  /** Back to the head at once. Returns a SettleResult. */
  requeue(_id0: number, _id1: number, _id2: number, _id3: number, _nowMs: number): number {
    return notBuilt();
  }

  /** One message now or within `timeoutMs`, or fetchTimedOut; 0 = answer at once. */
  fetch(_address: number, _fetch: number, _timeoutMs: number, _autoack: boolean, _nowMs: number): void {
    notBuilt();
  }

  /** Forgets the fetches of an address that are not answered yet; they get no answer. */
  cancelFetches(_address: number, _nowMs: number): void {
    notBuilt();
  }

  pause(): void {
    notBuilt();
  }

  resume(_nowMs: number): void {
    notBuilt();
  }

  /** Drops what waits (ready and delayed) and gives up blocked publishes. Returns how many messages were purged. */
  purge(_nowMs: number): number {
    return notBuilt();
  }

  /** Shows up to `limit` messages: ready in order of delivery, then in flight, then delayed. */
  peek(_limit: number, _visit: (message: number, state: MessageState) => void): void {
    notBuilt();
  }

  /** Takes everything in flight back. Returns how many. */
  requeueInFlight(_nowMs: number): number {
    return notBuilt();
  }

  /** Hands up to `limit` ready messages to `visit`, which copies them elsewhere, or ends it with false. Returns how many went. */
  takeReady(_limit: number, _visit: (message: number) => boolean, _nowMs: number): number {
    return notBuilt();
  }

  /** The queue is deleted: all that is left counts as purged. Returns how many. */
  close(_nowMs: number): number {
    return notBuilt();
  }

  /** Called by the shard's wheel for a timer of this queue. */
  timer(_item: number, _nowMs: number): void {
    notBuilt();
  }

  counts(): LedgerCounts {
    return notBuilt();
  }

  info(): QueueInfo {
    return notBuilt();
  }
}

function notBuilt(): never {
  throw new AssertionError('not built yet');
}
