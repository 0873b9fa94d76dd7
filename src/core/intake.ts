// What comes in: decides about each publish whether it is stored, refused, or waits for room, and counts the decision.
// Answers of admit() beyond its result stand in fields, because a publish allocates nothing.
// Lives on: a shard, one per queue. Called by: Queue.publish().
import { BLOCKED_BYTES_MAX, BLOCKED_PUBLISHES_MAX, PRIORITY_MAX } from '../base/limits.ts';
import { DedupWindow } from './dedup-window.ts';
import type { Ledger } from './ledger.ts';
import { NO_MESSAGE } from './message-row.ts';
import type { MessageTable } from './message-table.ts';
import { PublishResult } from './publish-result.ts';
import type { QueueOptions } from './queue-options.ts';
import {
  DOUBLE_DELIVER_AT_MS,
  DOUBLE_EXPIRE_AT_MS,
  dedupSize,
  type RecordMemory,
  tagsMoved,
  tagsPriority,
  WORD_SIZE,
  WORD_TAGS,
} from './record.ts';
import type { Stock } from './stock.ts';

/** #makeRoom()'s answer when the new message itself is the one to drop. */
const DROP_NEW = -1;

export class Intake {
  /** The message that was stored, in state `held`; none when it was counted and is gone already. */
  message = NO_MESSAGE;
  /** When it is to be delivered, ms; now or earlier = at once. */
  deliverAtMs = 0;
  readonly #options: QueueOptions;
  readonly #stock: Stock;
  readonly #messages: MessageTable;
  readonly #ledger: Ledger;
  readonly #dedup: DedupWindow | undefined;

  constructor(options: QueueOptions, stock: Stock, messages: MessageTable, ledger: Ledger) {
    this.#options = options;
    this.#stock = stock;
    this.#messages = messages;
    this.#ledger = ledger;
    this.#dedup = options.dedupWindowMs > 0 ? new DedupWindow(options.dedupWindowMs) : undefined;
  }

  /** Deduplication ids that are remembered. */
  get dedupCount(): number {
    return this.#dedup?.count ?? 0;
  }

  /** Ids and when they are forgotten, oldest first. */
  dedupEntries(): Iterable<readonly [string, number]> {
    return this.#dedup?.entries() ?? [];
  }

  restoreDedup(id: string, forgetAtMs: number): void {
    this.#dedup?.restore(id, forgetAtMs);
  }

  /** Forgets deduplication ids whose time has come; returns when to come again, ms. */
  pruneDedup(nowMs: number, limit: number): number {
    return this.#dedup?.prune(nowMs, limit) ?? Number.POSITIVE_INFINITY;
  }

  /** Returns a PublishResult. `taken` = a consumer takes a message right now, so that one that is due need not wait. */
  admit(memory: RecordMemory, offset: number, address: number, nowMs: number, taken: boolean): number {
    const ledger = this.#ledger;
    this.message = NO_MESSAGE;
    ledger.received++;
    const dedup = this.#dedupFor(memory, offset);
    if (dedup?.has(memory, offset, nowMs)) {
      ledger.rejectedDuplicate++;
      return PublishResult.duplicate;
    }
    const expireAtMs = this.#expireAtMs(memory, offset, nowMs);
    if (expireAtMs <= nowMs) {
      ledger.accepted++;
      ledger.expired++;
      return PublishResult.expired;
    }
    this.deliverAtMs = this.deliverAt(memory, offset, nowMs);
    const bytes = memory.words[(offset >> 2) + WORD_SIZE];
    const priority = Math.min(PRIORITY_MAX, tagsPriority(memory.words[(offset >> 2) + WORD_TAGS]));
    let result: number = PublishResult.accepted;
    if (this.#stock.blocked.length > 0 || ((!taken || this.deliverAtMs > nowMs) && this.#isFull())) {
      result = this.#makeRoom(priority, address, bytes);
      if (result === PublishResult.full) {
        ledger.rejectedFull++;
        return result;
      }
    }
    if (result !== DROP_NEW && !this.#messages.hasRoom(bytes) && !this.#freeMemory(bytes)) {
      ledger.rejectedMemory++;
      return PublishResult.noMemory;
    }
    dedup?.add(memory, offset, nowMs);
    if (result !== PublishResult.blocked) ledger.accepted++;
    if (result === DROP_NEW) {
      ledger.droppedLimit++;
      return PublishResult.accepted;
    }
    this.message = this.#stock.create(memory, offset, priority, expireAtMs);
    return result;
  }

  /** When a message accepted now is to be delivered, ms; 0 = at once. */
  deliverAt(memory: RecordMemory, offset: number, nowMs: number): number {
    const deliverAtMs = memory.doubles[(offset >> 3) + DOUBLE_DELIVER_AT_MS];
    return deliverAtMs === 0 && this.#options.delayMs > 0 ? nowMs + this.#options.delayMs : deliverAtMs;
  }

  /** A held message that was blocked is given up: it was never accepted, and its publisher may try again. */
  giveUp(message: number): void {
    const memory = this.#messages.memory(message);
    const offset = this.#messages.offset(message);
    this.#dedupFor(memory, offset)?.forget(memory, offset);
    this.#ledger.rejectedFull++;
    this.#stock.destroy(message);
  }

  /** Whether another blocked publish would be too much. */
  #isCrowded(bytes: number): boolean {
    const { blocked, blockedBytes } = this.#stock;
    return blocked.length >= BLOCKED_PUBLISHES_MAX || blockedBytes + bytes > BLOCKED_BYTES_MAX;
  }

  #isFull(): boolean {
    return this.#stock.waitingCount >= this.#options.limit;
  }

  /** The window that has a say about this record. */
  #dedupFor(memory: RecordMemory, offset: number): DedupWindow | undefined {
    const dedup = this.#dedup;
    if (dedup === undefined || dedupSize(memory, offset) === 0) return undefined;
    return tagsMoved(memory.words[(offset >> 2) + WORD_TAGS]) ? undefined : dedup;
  }

  #expireAtMs(memory: RecordMemory, offset: number, nowMs: number): number {
    const given = memory.doubles[(offset >> 3) + DOUBLE_EXPIRE_AT_MS];
    const expireAtMs = given === 0 ? Number.POSITIVE_INFINITY : given;
    const ttlMs = this.#options.messageTtlMs;
    return ttlMs > 0 ? Math.min(expireAtMs, nowMs + ttlMs) : expireAtMs;
  }

  /** What becomes of a publish that finds the queue full. */
  #makeRoom(priority: number, address: number, bytes: number): number {
    const overflow = this.#options.overflow;
    // Nobody would be told that such a publish got in: dead letters and moved messages stay where they are, and at
    // qos 0 a publisher cannot be made to wait.
    if (overflow === 'block') return address < 0 || this.#isCrowded(bytes) ? PublishResult.full : PublishResult.blocked;
    if (overflow === 'reject') return PublishResult.full;
    while (this.#isFull()) {
      const oldest = this.#oldest();
      if (oldest === NO_MESSAGE || this.#messages.priority(oldest) > priority) return DROP_NEW;
      this.#drop(oldest);
      this.#ledger.droppedLimit++;
    }
    return PublishResult.accepted;
  }

  /** Makes room in the shard's memory at the cost of this queue, where its policy allows that. */
  #freeMemory(bytes: number): boolean {
    if (this.#options.overflow !== 'drop-oldest') return false;
    while (!this.#messages.hasRoom(bytes)) {
      const oldest = this.#oldest();
      if (oldest === NO_MESSAGE) return false;
      this.#drop(oldest);
      this.#ledger.droppedMemory++;
    }
    return true;
  }

  /** The first message to go: the oldest ready one of the lowest priority, or the oldest delayed one. */
  #oldest(): number {
    const least = this.#stock.ready.least;
    return least === NO_MESSAGE ? this.#stock.delayed.head : least;
  }

  #drop(message: number): void {
    this.#stock.hold(message);
    this.#stock.destroy(message);
  }
}
