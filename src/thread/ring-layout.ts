// Where everything lies in the shared memory of one ring, and in an envelope. The only file that knows these numbers.
//
//   byte 0    head   position up to which the consumer has read            written by the consumer
//        64   tail   position up to which the producer has published       written by the producer
//       128   wants  1 while the producer waits for room                   set by the producer, taken by the consumer
//       192   data, RING_BYTES of it
//
// Head and tail lie on cache lines of their own, so that the two threads do not take a line from each other at every
// record. Positions are bytes since the beginning, modulo 2^32; the place in the data is the position modulo its size.
//
//   envelope   word 0 size in bytes, multiple of 8    1 operation | part << 16    2 target    3-7 a b c d e   8 payload
//   padding    word 0 minus the bytes to the end of the data: what comes next is at its start
import { assert } from '../base/assert.ts';
import { RING_BYTES, RING_CHUNK_BYTES_MAX } from '../base/limits.ts';

const CACHE_LINE_BYTES = 64;

/** Word (4-byte) indices of the ring's header. */
export const WORD_HEAD = 0;
export const WORD_TAIL = CACHE_LINE_BYTES / 4;
export const WORD_WANTS_ROOM = (2 * CACHE_LINE_BYTES) / 4;

/** Byte offset of the data. */
export const RING_HEADER_BYTES = 3 * CACHE_LINE_BYTES;

/** Bytes of the shared memory of one ring. */
export const RING_MEMORY_BYTES = RING_HEADER_BYTES + RING_BYTES;

/** Bytes of an envelope without payload. */
export const ENVELOPE_BYTES = 32;

/** Bytes of the largest envelope: a chunk of a record with its header. */
const ENVELOPE_BYTES_MAX = ENVELOPE_BYTES + RING_CHUNK_BYTES_MAX;

/**
 * A ring that was short of room has room again when no more than this is in use: about half, so that a producer is
 * woken once for many envelopes, and any envelope fits then, wherever the end of the data lies.
 */
export const RING_ROOM_BYTES = RING_BYTES - 2 * ENVELOPE_BYTES_MAX;

/** Whether an envelope's payload is whole, or one part of a record that is too large for one envelope. */
export const Part = { whole: 0, some: 1, last: 2 } as const;

assert(RING_ROOM_BYTES >= RING_BYTES / 4, 'a ring with room is neither empty nor full');
assert((RING_BYTES & (RING_BYTES - 1)) === 0, 'the size of a ring is a power of two, so that positions wrap by a mask');
