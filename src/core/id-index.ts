// Finds a message by queue and id: the acks of a shard come in by id. Holds every message from its first delivery to
// its end, also while it waits again, so that an ack that comes late still finds it. A message that was never delivered
// costs nothing here.
//
// Chained hashing with linear growth: every insertion beyond the load splits one bucket, so that there is never a
// moment at which millions of messages are hashed again.
// Lives on: a shard, part of its MessageTable.
import { assert } from '../base/assert.ts';
import { NO_MESSAGE, ROW_HASH_NEXT, ROW_QUEUE, ROW_TAGS, TAG_INDEXED } from './message-row.ts';
import type { MessageTable } from './message-table.ts';
import { WORD_ID } from './record.ts';

const BUCKETS_MIN = 1024;

/** Edges make ids that differ in their last three words; ids of other origin may differ anywhere. */
function hashOf(queue: number, id0: number, id1: number, id2: number, id3: number): number {
  let hash = Math.imul(id3 ^ queue, 0x9e3779b1) ^ Math.imul(id1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ id2, 0xc2b2ae35) ^ id0;
  hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f);
  return hash ^ (hash >>> 16);
}

export class IdIndex {
  readonly #table: MessageTable;
  #heads = new Int32Array(BUCKETS_MIN).fill(NO_MESSAGE);
  #count = 0;
  #buckets = BUCKETS_MIN;
  /** The smallest 2^n - 1 that reaches every bucket. */
  #mask = BUCKETS_MIN - 1;

  constructor(table: MessageTable) {
    this.#table = table;
  }

  get count(): number {
    return this.#count;
  }

  insert(message: number): void {
    const table = this.#table;
    if (++this.#count > this.#buckets) this.#split();
    const bucket = this.#bucketOf(message);
    table.setWord(message, ROW_HASH_NEXT, this.#heads[bucket]);
    this.#heads[bucket] = message;
    table.setWord(message, ROW_TAGS, table.word(message, ROW_TAGS) | TAG_INDEXED);
  }

  remove(message: number): void {
    const table = this.#table;
    const bucket = this.#bucketOf(message);
    const next = table.word(message, ROW_HASH_NEXT);
    table.setWord(message, ROW_TAGS, table.word(message, ROW_TAGS) & ~TAG_INDEXED);
    this.#count--;
    let at = this.#heads[bucket];
    if (at === message) {
      this.#heads[bucket] = next;
      return;
    }
    while (at !== NO_MESSAGE) {
      const after = table.word(at, ROW_HASH_NEXT);
      if (after === message) {
        table.setWord(at, ROW_HASH_NEXT, next);
        return;
      }
      at = after;
    }
    assert(false, 'an indexed message stands in its bucket');
  }

  /**
   * The queue's message with this id, or -1. When a queue holds the id twice, the one in `state` is preferred.
   */
  find(queue: number, id0: number, id1: number, id2: number, id3: number, state: number): number {
    const table = this.#table;
    let found = NO_MESSAGE;
    let at = this.#heads[this.#place(hashOf(queue, id0, id1, id2, id3))];
    for (; at !== NO_MESSAGE; at = table.word(at, ROW_HASH_NEXT)) {
      if (table.word(at, ROW_QUEUE) !== queue) continue;
      const words = table.memory(at).words;
      const word = (table.offset(at) >> 2) + WORD_ID;
      if (words[word + 3] !== id3 || words[word + 1] !== id1 || words[word + 2] !== id2 || words[word] !== id0)
        continue;
      if (table.state(at) === state) return at;
      found = at;
    }
    return found;
  }

  #bucketOf(message: number): number {
    const table = this.#table;
    const words = table.memory(message).words;
    const word = (table.offset(message) >> 2) + WORD_ID;
    const queue = table.word(message, ROW_QUEUE);
    return this.#place(hashOf(queue, words[word], words[word + 1], words[word + 2], words[word + 3]));
  }

  #place(hash: number): number {
    const bucket = hash & this.#mask;
    return bucket < this.#buckets ? bucket : bucket & (this.#mask >>> 1);
  }

  /** Adds one bucket and moves into it what belongs there from the one bucket that held it so far. */
  #split(): void {
    const added = this.#buckets++;
    if (added > this.#mask) this.#mask = this.#mask * 2 + 1;
    if (added === this.#heads.length) {
      const heads = new Int32Array(added * 2).fill(NO_MESSAGE, added);
      heads.set(this.#heads);
      this.#heads = heads;
    }
    const table = this.#table;
    const from = added & (this.#mask >>> 1);
    let stay = NO_MESSAGE;
    let go = NO_MESSAGE;
    for (let at = this.#heads[from]; at !== NO_MESSAGE; ) {
      const next = table.word(at, ROW_HASH_NEXT);
      const goes = this.#bucketOf(at) === added;
      table.setWord(at, ROW_HASH_NEXT, goes ? go : stay);
      if (goes) go = at;
      else stay = at;
      at = next;
    }
    this.#heads[from] = stay;
    this.#heads[added] = go;
  }
}
