// Every limit of the broker with its reason. Full means push back or a counted drop, never growth.
// Relations between limits are asserted at the end of the file, when it is loaded.
import { assert } from './assert.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Largest message a client may publish or receive, bytes. grpc clients default to 4 MiB on receive: more would not be readable. */
export const MESSAGE_BYTES_MAX = 4 * MIB;

/** Bytes of one shared ring between two threads. Large enough for a burst of 10,000 small messages, small enough for N x N of them. */
export const RING_BYTES = 2 * MIB;

/** A record larger than this travels in chunks, so that no message needs a ring to be nearly empty. */
export const RING_CHUNK_BYTES_MAX = RING_BYTES / 4;

/** Priorities of a queue: 0 (lowest, default) to 9, as in JMS and most brokers. */
export const PRIORITY_MAX = 9;

/** Longest queue name and topic, bytes: what fits SQLite keys, log lines and a file name (255) with room for a suffix. */
export const NAME_BYTES_MAX = 255;

/** Longest message id that a publisher may give for deduplication, bytes. */
export const DEDUP_ID_BYTES_MAX = 128;

/** Longest request id of a publish, bytes: echoed in PubAck, kept while unconfirmed. */
export const REQUEST_ID_BYTES_MAX = 256;

/** Most messages one consumer may have unacked: bounds what must come back when it dies. */
export const PREFETCH_MAX = 65_535;

assert(RING_CHUNK_BYTES_MAX * 4 <= RING_BYTES, 'four chunks fit one ring');
assert(RING_CHUNK_BYTES_MAX % 8 === 0, 'chunks keep records aligned to 8 bytes');
