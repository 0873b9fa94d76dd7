// A single-producer single-consumer ring of envelopes in shared memory: no lock, no copy of anything but bytes.
// The producer writes any number of envelopes and publishes them with one store; the consumer reads them in place and
// gives their room back with one store. Each side keeps the last position it saw of the other, and looks again only
// when that says there is nothing to do: in a busy ring the two threads seldom touch each other's cache line.
// Lives on: two threads, the producer's end on one and the consumer's on the other.
import { assert } from '../base/assert.ts';
import { RING_BYTES } from '../base/limits.ts';
import { RING_HEADER_BYTES, RING_ROOM_BYTES, WORD_HEAD, WORD_TAIL, WORD_WANTS_ROOM } from './ring-layout.ts';

const MASK = RING_BYTES - 1;

/** Bytes, words and doubles of one piece of memory, aligned to 8; records and envelopes lie in it. */
export interface SharedBytes {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
}

function viewsOf(memory: SharedArrayBuffer): SharedBytes {
  return {
    bytes: Buffer.from(memory as unknown as ArrayBuffer),
    words: new Int32Array(memory),
    doubles: new Float64Array(memory),
  };
}

/** The end that writes. `reserve` then `commit` any number of times, then `publish`. */
export class RingProducer {
  readonly memory: SharedBytes;
  /** Written up to here, published or not. */
  #tail: number;
  #publishedTail: number;
  /** The consumer had read at least up to here. */
  #seenHead: number;

  constructor(memory: SharedArrayBuffer) {
    this.memory = viewsOf(memory);
    this.#tail = this.memory.words[WORD_TAIL];
    this.#publishedTail = this.#tail;
    this.#seenHead = this.memory.words[WORD_HEAD];
  }

  /** Byte offset in `memory` where an envelope of `size` bytes may be written; -1 when there is no room for it now. */
  reserve(size: number): number {
    assert(size > 0 && (size & 7) === 0, 'envelopes keep the ring aligned to 8 bytes');
    // With padding before it, a larger one could find no room in an empty ring, and would wait for ever.
    assert(size <= RING_BYTES / 2, 'an envelope takes half of the ring at the most');
    const at = this.#tail & MASK;
    const toEnd = RING_BYTES - at;
    const needed = toEnd < size ? toEnd + size : size;
    if (!this.#fits(needed)) return -1;
    if (toEnd >= size) return RING_HEADER_BYTES + at;
    this.memory.words[(RING_HEADER_BYTES + at) >> 2] = -toEnd;
    this.#tail = (this.#tail + toEnd) | 0;
    return RING_HEADER_BYTES;
  }

  /** The envelope at the offset last reserved is written. */
  commit(size: number): void {
    this.#tail = (this.#tail + size) | 0;
  }

  /** Lets the consumer see all that was committed; true when that is anything. */
  publish(): boolean {
    if (this.#tail === this.#publishedTail) return false;
    this.#publishedTail = this.#tail;
    // Publishes every byte written before it: the consumer that loads this tail sees the envelopes below it.
    Atomics.store(this.memory.words, WORD_TAIL, this.#tail);
    return true;
  }

  /** Bytes in use, by a fresh look at the consumer. */
  usedBytes(): number {
    // Observes the room that the consumer has given back.
    this.#seenHead = Atomics.load(this.memory.words, WORD_HEAD);
    return (this.#tail - this.#seenHead) >>> 0;
  }

  /** Bytes in use at the most, without touching the consumer's cache line. */
  usedBytesMax(): number {
    return (this.#tail - this.#seenHead) >>> 0;
  }

  /**
   * Asks the consumer to ring when no more than RING_ROOM_BYTES are in use. Only after a publish, and look at
   * usedBytes() again after it: the consumer may have given the room back before it could see the wish.
   */
  wantRoom(): void {
    // Stored before the producer's last look at the head: either that look finds the room, or the consumer, which
    // stores the head before it loads this word, finds the wish.
    Atomics.store(this.memory.words, WORD_WANTS_ROOM, 1);
  }

  #fits(needed: number): boolean {
    if (this.usedBytesMax() + needed <= RING_BYTES) return true;
    return this.usedBytes() + needed <= RING_BYTES;
  }
}

/** The end that reads. `next` then `skip` any number of times, then `release`. */
export class RingConsumer {
  readonly memory: SharedBytes;
  #head: number;
  #releasedHead: number;
  #seenTail: number;

  constructor(memory: SharedArrayBuffer) {
    this.memory = viewsOf(memory);
    this.#head = this.memory.words[WORD_HEAD];
    this.#releasedHead = this.#head;
    this.#seenTail = this.#head;
  }

  /** Byte offset in `memory` of the next envelope; -1 when there is none. It stays valid until `release`. */
  next(): number {
    if (this.#head === this.#seenTail) {
      // Observes everything the producer published up to this tail.
      this.#seenTail = Atomics.load(this.memory.words, WORD_TAIL);
      if (this.#head === this.#seenTail) return -1;
    }
    const offset = RING_HEADER_BYTES + (this.#head & MASK);
    const size = this.memory.words[offset >> 2];
    if (size > 0) return offset;
    assert(size < 0, 'an envelope or padding has a size');
    this.#head = (this.#head - size) | 0;
    return this.next();
  }

  /** The envelope last returned by next() is done with. */
  skip(size: number): void {
    this.#head = (this.#head + size) | 0;
  }

  /** Gives the room of all that was skipped back; true when the producer waits for it and must be rung. */
  release(): boolean {
    if (this.#head === this.#releasedHead) return false;
    this.#releasedHead = this.#head;
    // Publishes the room; the load of `wants` comes after it, so a producer that asked before it looked is not missed.
    Atomics.store(this.memory.words, WORD_HEAD, this.#head);
    if (Atomics.load(this.memory.words, WORD_WANTS_ROOM) === 0) return false;
    // Observes what is still to be read: a producer rung at every release would be woken for a little room many times.
    const usedBytes = (Atomics.load(this.memory.words, WORD_TAIL) - this.#head) >>> 0;
    if (usedBytes > RING_ROOM_BYTES) return false;
    // Takes the wish: one ring for it.
    return Atomics.exchange(this.memory.words, WORD_WANTS_ROOM, 0) === 1;
  }
}
