// The framed messages one call has to say in one loop turn, gathered so that they leave as one DATA write.
//
//   bytes:  | 0 | length (4, big endian) | message | 0 | length | message | ... free
//                                                                        ^ position
//
// Hot: nothing is allocated per message. Writers call reserve(), write at bytes[position...] and move position on.
// Lives on a shard thread, one a call; the gRPC call empties it with take() when it flushes.
import { assert } from '../../base/assert.ts';
import { type BufferPool, LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from './buffer-pool.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';

const EMPTY = Buffer.alloc(0);

/** A growing buffer of length-prefixed messages. An idle one holds no memory. */
export class OutputBuffer {
  bytes: Buffer = EMPTY;
  position = 0;
  readonly #pool: BufferPool;
  #sizeHint = SMALL_BUFFER_BYTES;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** Makes room for `size` more bytes; may replace `bytes`. */
  reserve(size: number): void {
    if (this.position + size > this.bytes.length) this.#grow(size);
  }

  /** Leaves room for the prefix of a message and returns where it starts. */
  beginMessage(): number {
    this.reserve(FRAME_HEADER_BYTES);
    const start = this.position;
    this.position = start + FRAME_HEADER_BYTES;
    return start;
  }

  /** Fills in the prefix of the message begun at `start`: not compressed, and the length written since. */
  endMessage(start: number): void {
    const bytes = this.bytes;
    const length = this.position - start - FRAME_HEADER_BYTES;
    assert(length >= 0, 'a message ends after it began');
    bytes[start] = 0;
    bytes[start + 1] = length >>> 24;
    bytes[start + 2] = length >>> 16;
    bytes[start + 3] = length >>> 8;
    bytes[start + 4] = length;
  }

  /** Copies a ready message in, with its prefix. For the paths where a copy does not matter. */
  append(message: Uint8Array): void {
    this.reserve(FRAME_HEADER_BYTES + message.length);
    const start = this.beginMessage();
    this.bytes.set(message, this.position);
    this.position += message.length;
    this.endMessage(start);
  }

  /** Hands the buffer over (its first `position` bytes count) and starts empty. The taker gives it to the pool. */
  take(): Buffer {
    const taken = this.bytes;
    // A call that filled much of a large buffer is likely to do so again: it then starts with a large one.
    this.#sizeHint = this.position > SMALL_BUFFER_BYTES ? LARGE_BUFFER_BYTES : SMALL_BUFFER_BYTES;
    this.bytes = EMPTY;
    this.position = 0;
    return taken;
  }

  #grow(size: number): void {
    const needed = this.position + size;
    const wanted = this.bytes.length === 0 ? Math.max(needed, this.#sizeHint) : Math.max(needed, this.bytes.length * 2);
    const larger = this.#pool.take(wanted);
    if (this.position > 0) this.bytes.copy(larger, 0, 0, this.position);
    if (this.bytes.length > 0) this.#pool.give(this.bytes);
    this.bytes = larger;
  }
}
