// Buffers that output is gathered in, lent and given back. A buffer written to http2 belongs to http2 until its write
// callback; only then may it come back here. One pool a shard thread, used by every call of its gRPC door.
//
// Two size classes: small for a call that says little, large for one that was just seen to write a lot in one turn.
// Anything larger is made for the occasion and left to the garbage collector.

const KIB = 1024;

/** What a call starts a turn with: a unary response and its trailers fit. */
export const SMALL_BUFFER_BYTES = 4 * KIB;

/** What a busy stream fills in one turn: about 500 small messages. */
export const LARGE_BUFFER_BYTES = 64 * KIB;

/** Bytes kept idle in each class: enough for the streams of one loop turn, little beside the heap. */
const IDLE_BYTES_MAX = 8 * 1024 * KIB;

const SMALL_IDLE_MAX = IDLE_BYTES_MAX / SMALL_BUFFER_BYTES;
const LARGE_IDLE_MAX = IDLE_BYTES_MAX / LARGE_BUFFER_BYTES;

/** Lends buffers of at least the size asked for. The borrower owns the bytes until `give`. */
export class BufferPool {
  readonly #small: Buffer[] = [];
  readonly #large: Buffer[] = [];

  take(size: number): Buffer {
    if (size <= SMALL_BUFFER_BYTES) return this.#small.pop() ?? Buffer.allocUnsafeSlow(SMALL_BUFFER_BYTES);
    if (size <= LARGE_BUFFER_BYTES) return this.#large.pop() ?? Buffer.allocUnsafeSlow(LARGE_BUFFER_BYTES);
    return Buffer.allocUnsafeSlow(size);
  }

  /** Takes a whole buffer back. The caller keeps no reference to it. */
  give(buffer: Buffer): void {
    if (buffer.length === SMALL_BUFFER_BYTES) {
      if (this.#small.length < SMALL_IDLE_MAX) this.#small.push(buffer);
    } else if (buffer.length === LARGE_BUFFER_BYTES) {
      if (this.#large.length < LARGE_IDLE_MAX) this.#large.push(buffer);
    }
  }
}
