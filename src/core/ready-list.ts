// Messages that wait for a consumer: one list a priority, the highest served first, each in the order of sequence
// numbers. A new message has the highest number and goes to the tail; one that comes back keeps its number and goes to
// its old place, near the head. Messages come back one after the other, ascending (a consumer left) or descending, so
// the search starts at the place of the last one that came back and takes one step.
// Lives on: a shard, one per queue.
import { MessageList } from './message-list.ts';
import { NO_MESSAGE, ROW_NEXT, ROW_PREVIOUS, ROW_SEQUENCE } from './message-row.ts';
import type { MessageTable } from './message-table.ts';

class ReadyLevel extends MessageList {
  /** The message that came back last, while it is in the list. */
  hint = NO_MESSAGE;
}

export class ReadyList {
  readonly #table: MessageTable;
  /** Made when a message of the priority comes first. */
  readonly #levels: (ReadyLevel | undefined)[] = [];
  /** Bit n = there are messages of priority n. */
  #mask = 0;
  #count = 0;
  /** Given to the next message that comes. */
  nextSequence = 0;

  constructor(table: MessageTable) {
    this.#table = table;
  }

  get count(): number {
    return this.#count;
  }

  /** The message to deliver next. */
  get first(): number {
    return this.#mask === 0 ? NO_MESSAGE : this.#level(31 - Math.clz32(this.#mask)).head;
  }

  /** The oldest message of the lowest priority: the first to be dropped. */
  get least(): number {
    return this.#mask === 0 ? NO_MESSAGE : this.#level(31 - Math.clz32(this.#mask & -this.#mask)).head;
  }

  /** The message that is delivered after `message`. */
  after(message: number): number {
    const next = this.#table.word(message, ROW_NEXT);
    if (next !== NO_MESSAGE) return next;
    const below = this.#mask & ((1 << this.#table.priority(message)) - 1);
    return below === 0 ? NO_MESSAGE : this.#level(31 - Math.clz32(below)).head;
  }

  /** The sequence number of a message that is delivered without waiting. */
  takeSequence(): number {
    return this.nextSequence++;
  }

  append(message: number): void {
    this.#table.setDouble(message, ROW_SEQUENCE, this.nextSequence++);
    this.restore(message);
  }

  /** Appends a message that has its sequence number, the highest of its priority. */
  restore(message: number): void {
    const table = this.#table;
    const priority = table.priority(message);
    this.#level(priority).append(table, message);
    this.#mask |= 1 << priority;
    this.#count++;
  }

  /** Puts a message that has its sequence number back in its place. */
  putBack(message: number): void {
    const table = this.#table;
    const priority = table.priority(message);
    const level = this.#level(priority);
    const sequence = table.double(message, ROW_SEQUENCE);
    const before = this.#place(level, sequence);
    if (before === NO_MESSAGE) level.append(table, message);
    else level.insertBefore(table, before, message);
    level.hint = message;
    this.#mask |= 1 << priority;
    this.#count++;
  }

  remove(message: number): void {
    const table = this.#table;
    const priority = table.priority(message);
    const level = this.#level(priority);
    if (level.hint === message) level.hint = table.word(message, ROW_PREVIOUS);
    level.remove(table, message);
    if (level.length === 0) this.#mask &= ~(1 << priority);
    this.#count--;
  }

  /** The first message of the level that is younger than `sequence`. */
  #place(level: ReadyLevel, sequence: number): number {
    const table = this.#table;
    const head = level.head;
    if (head === NO_MESSAGE || table.double(head, ROW_SEQUENCE) > sequence) return head;
    let at = level.hint === NO_MESSAGE ? head : level.hint;
    if (table.double(at, ROW_SEQUENCE) < sequence) {
      do at = table.word(at, ROW_NEXT);
      while (at !== NO_MESSAGE && table.double(at, ROW_SEQUENCE) < sequence);
      return at;
    }
    // The head is older than `sequence`, so this ends before it.
    for (let previous = table.word(at, ROW_PREVIOUS); table.double(previous, ROW_SEQUENCE) > sequence; ) {
      at = previous;
      previous = table.word(at, ROW_PREVIOUS);
    }
    return at;
  }

  #level(priority: number): ReadyLevel {
    let level = this.#levels[priority];
    if (level === undefined) {
      while (this.#levels.length < priority) this.#levels.push(undefined);
      level = new ReadyLevel();
      this.#levels[priority] = level;
    }
    return level;
  }
}
