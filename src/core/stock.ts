// The messages one queue holds, each in exactly one state:
//
//   create -> held -> ready <-> inFlight -> held -> destroy
//                  -> delayed -> ready
//                  -> blocked (not accepted yet)
//                  -> leaving -> held (another queue has answered)
//
// The stock moves messages between the lists of these states and keeps the timer of a waiting one; what may be moved
// when, and what is counted, is the queue's business.
// Lives on: a shard, one per queue. Called by: Queue.
import { assert } from '../base/assert.ts';
import type { TimingWheel } from '../base/timing-wheel.ts';
import type { Consumer } from './consumers.ts';
import { MessageList } from './message-list.ts';
import {
  ATTEMPTS_MAX,
  NO_MESSAGE,
  ROW_CONSUMER,
  ROW_DUE,
  ROW_EXPIRE,
  ROW_SEQUENCE,
  ROW_TAGS,
  ROW_TIMER,
  State,
  TAG_ATTEMPTS_SHIFT,
  TAG_DEAD,
  TAG_FETCHED,
  TAG_INDEXED,
  TAG_PRIORITY_SHIFT,
  TAG_STATE_MASK,
} from './message-row.ts';
import type { MessageTable } from './message-table.ts';
import { ReadyList } from './ready-list.ts';
import { type RecordMemory, WORD_SIZE, WORD_TAGS } from './record.ts';
import { SlabStore } from './slab-store.ts';

const NO_TIMER = -1;

export class Stock {
  readonly ready: ReadyList;
  readonly delayed = new MessageList();
  readonly inFlight = new MessageList();
  readonly blocked = new MessageList();
  readonly leaving = new MessageList();
  readonly #number: number;
  readonly #table: MessageTable;
  readonly #wheel: TimingWheel;
  readonly #slabs: SlabStore;
  #blockedBytes = 0;

  constructor(number: number, table: MessageTable, wheel: TimingWheel) {
    this.#number = number;
    this.#table = table;
    this.#wheel = wheel;
    this.#slabs = new SlabStore(table.slabs);
    this.ready = new ReadyList(table);
  }

  /** Bytes of the records. */
  get bytes(): number {
    return this.#slabs.liveBytes;
  }

  /** Bytes of the records that are blocked. */
  get blockedBytes(): number {
    return this.#blockedBytes;
  }

  /** What counts against the queue's limit. */
  get waitingCount(): number {
    return this.ready.count + this.delayed.length;
  }

  /** Copies the record into a new message in state `held`. */
  create(memory: RecordMemory, offset: number, priority: number, expireAtMs: number): number {
    const table = this.#table;
    const message = table.create(this.#number, this.#slabs, memory, offset);
    table.setWord(message, ROW_TAGS, State.held | (priority << TAG_PRIORITY_SHIFT));
    table.setDouble(message, ROW_EXPIRE, expireAtMs);
    return message;
  }

  /** Ends a held message. */
  destroy(message: number): void {
    this.#table.destroy(message, this.#slabs);
  }

  /** Takes a message that waits out of the list of its state, and disarms its timer. */
  hold(message: number): void {
    const table = this.#table;
    const state = table.state(message);
    if (state === State.ready) this.ready.remove(message);
    else if (state === State.delayed) this.delayed.remove(table, message);
    else {
      assert(state === State.leaving, 'a message that is held waited before');
      this.leaving.remove(table, message);
    }
    this.#disarm(message);
    table.setState(message, State.held);
  }

  /** A held message waits at the end of its priority. */
  toReady(message: number): void {
    this.#table.setState(message, State.ready);
    this.ready.append(message);
    this.#armExpiry(message);
  }

  /** A held message that was accepted gets its place among the waiting. */
  enqueue(message: number, deliverAtMs: number, nowMs: number): void {
    if (deliverAtMs > nowMs) this.toDelayed(message, deliverAtMs);
    else this.toReady(message);
  }

  /** A held message waits in its old place. */
  backToReady(message: number): void {
    this.#table.setState(message, State.ready);
    this.ready.putBack(message);
    this.#armExpiry(message);
  }

  toDelayed(message: number, deliverAtMs: number): void {
    const table = this.#table;
    table.setState(message, State.delayed);
    table.setDouble(message, ROW_DUE, deliverAtMs);
    this.delayed.append(table, message);
    this.rearm(message, Math.min(deliverAtMs, table.double(message, ROW_EXPIRE)));
  }

  toBlocked(message: number, publisher: Consumer, publish: number): void {
    const table = this.#table;
    table.setState(message, State.blocked);
    table.setWord(message, ROW_CONSUMER, publisher.slot);
    table.setDouble(message, ROW_SEQUENCE, publish);
    this.blocked.append(table, message);
    publisher.blocked.append(table, message);
    this.#blockedBytes += recordBytes(table, message);
  }

  /** A blocked message is held. */
  fromBlocked(message: number, publisher: Consumer): void {
    const table = this.#table;
    publisher.blocked.remove(table, message);
    this.blocked.remove(table, message);
    this.#blockedBytes -= recordBytes(table, message);
    table.setState(message, State.held);
    table.setWord(message, ROW_TIMER, NO_TIMER);
  }

  /** A held message waits for the answer of the queue it goes to. */
  toLeaving(message: number, dead: boolean): void {
    const table = this.#table;
    const tags = table.word(message, ROW_TAGS) & ~(TAG_STATE_MASK | TAG_DEAD);
    table.setWord(message, ROW_TAGS, tags | State.leaving | (dead ? TAG_DEAD : 0));
    this.leaving.append(table, message);
  }

  /** A held message that never waited gets its place in the order. */
  sequence(message: number): void {
    this.#table.setDouble(message, ROW_SEQUENCE, this.ready.takeSequence());
  }

  /** What a held message was before it came here: its attempts. */
  restoreTags(message: number, tags: number): void {
    const table = this.#table;
    const kept = table.word(message, ROW_TAGS) & ((1 << TAG_ATTEMPTS_SHIFT) - 1);
    table.setWord(message, ROW_TAGS, kept | ((tags >>> TAG_ATTEMPTS_SHIFT) << TAG_ATTEMPTS_SHIFT));
  }

  restoreSequence(message: number, sequence: number): void {
    this.#table.setDouble(message, ROW_SEQUENCE, sequence);
  }

  /** A held message waits behind all of its priority; they come in order. */
  restoreReady(message: number, sequence: number): void {
    this.restoreSequence(message, sequence);
    this.#table.setState(message, State.ready);
    this.ready.restore(message);
    this.#armExpiry(message);
  }

  /** A held message goes out to a consumer; it can be found by its id from now on. */
  toInFlight(message: number, consumer: Consumer, dueMs: number, fetched: boolean): void {
    const table = this.#table;
    const tags = table.word(message, ROW_TAGS);
    if ((tags & TAG_INDEXED) === 0) table.ids.insert(message);
    const kept = (tags | TAG_INDEXED) & ~(TAG_STATE_MASK | TAG_FETCHED);
    table.setWord(message, ROW_TAGS, kept | State.inFlight | (fetched ? TAG_FETCHED : 0));
    table.setWord(message, ROW_CONSUMER, consumer.slot);
    table.setDouble(message, ROW_DUE, dueMs);
    this.inFlight.append(table, message);
    consumer.held.append(table, message);
  }

  /** A message in flight is held again. */
  fromInFlight(message: number, consumer: Consumer): void {
    const table = this.#table;
    consumer.held.remove(table, message);
    this.inFlight.remove(table, message);
    table.setState(message, State.held);
    table.setWord(message, ROW_TIMER, NO_TIMER);
  }

  /** Counts one more delivery, in the row and in the record's attempts byte, and returns their number. */
  countAttempt(message: number): number {
    const table = this.#table;
    const tags = table.word(message, ROW_TAGS);
    const attempts = Math.min(ATTEMPTS_MAX, (tags >>> TAG_ATTEMPTS_SHIFT) + 1);
    table.setWord(message, ROW_TAGS, (tags & 0xffff) | (attempts << TAG_ATTEMPTS_SHIFT));
    const words = table.memory(message).words;
    const word = (table.offset(message) >> 2) + WORD_TAGS;
    words[word] = (words[word] & 0xffffff) | (Math.min(255, attempts) << 24);
    return attempts;
  }

  find(id0: number, id1: number, id2: number, id3: number): number {
    return this.#table.ids.find(this.#number, id0, id1, id2, id3, State.inFlight);
  }

  /** Takes a held message out of the id index: from now on it is not found. */
  forgetId(message: number): void {
    if ((this.#table.word(message, ROW_TAGS) & TAG_INDEXED) !== 0) this.#table.ids.remove(message);
  }

  /** Arms the timer of a waiting message anew; Infinity = none. */
  rearm(message: number, deadlineMs: number): void {
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#table.setWord(message, ROW_TIMER, this.#wheel.arm(deadlineMs, this.#number, message));
  }

  /** The timer of the message has gone off. */
  timerFired(message: number): void {
    this.#table.setWord(message, ROW_TIMER, NO_TIMER);
  }

  /** Ends every message. */
  clear(holderOf: (message: number) => Consumer): void {
    while (this.ready.count > 0) this.#drop(this.ready.first);
    while (this.delayed.length > 0) this.#drop(this.delayed.head);
    for (let message = this.inFlight.head; message !== NO_MESSAGE; message = this.inFlight.head) {
      this.fromInFlight(message, holderOf(message));
      this.destroy(message);
    }
    for (let message = this.blocked.head; message !== NO_MESSAGE; message = this.blocked.head) {
      this.fromBlocked(message, holderOf(message));
      this.destroy(message);
    }
  }

  #drop(message: number): void {
    this.hold(message);
    this.destroy(message);
  }

  /** Gives memory back when most of the slabs is empty. Records move. */
  tidy(): void {
    if (this.#slabs.wasteful) this.#slabs.tidy(this.#table);
  }

  #armExpiry(message: number): void {
    this.rearm(message, this.#table.double(message, ROW_EXPIRE));
  }

  #disarm(message: number): void {
    const timer = this.#table.word(message, ROW_TIMER);
    if (timer === NO_TIMER) return;
    this.#wheel.disarm(timer);
    this.#table.setWord(message, ROW_TIMER, NO_TIMER);
  }
}

function recordBytes(table: MessageTable, message: number): number {
  return table.memory(message).words[(table.offset(message) >> 2) + WORD_SIZE];
}
