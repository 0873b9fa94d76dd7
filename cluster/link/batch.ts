// A batch: many envelopes for one peer in one frame, laid out as in the rings between shards, so that nothing is
// encoded for a message and the records can be read where they lie.
//
//   byte 0  f64  number   of the batch on its stream, from 1
//        8  u32  count    envelopes
//       12  u32  bytes    of the whole body
//       16  envelopes, each: word 0 size (multiple of 8)  1 operation  2 target  3-7 a b c d e  8 the record, if any
//
// Everything starts at a multiple of 8 bytes. An outgoing batch lies in memory of which byte 3 is the first of its
// frame (5 bytes of head), so that its body is aligned and head, body and tag go out in one write.
import {
  RECORD_HEADER_BYTES,
  RecordMemory,
  WORD_BODY_SIZE,
  WORD_DEDUP,
  WORD_HEADERS_SIZE,
  WORD_TOPIC_KEY,
} from '../../src/core/record.ts';
import { LINK_LIMITS } from '../limits.ts';
import { FRAME_HEAD_BYTES, FrameType, TAG_BYTES } from './frame.ts';

export const BATCH_HEADER_BYTES = 16;
export const ENVELOPE_BYTES = 32;
const ENVELOPE_WORDS = ENVELOPE_BYTES / 4;
const BODY_AT = 8;

/** Above this many words one native copy beats a loop. */
const LOOP_COPY_WORDS_MAX = 128;

/** Memory in which a batch is gathered, and kept until the peer has it. */
export class OutgoingBatch {
  readonly #memory: RecordMemory;
  readonly #capacity: number;
  count = 0;
  /** Bytes of the body so far. */
  bytes = BATCH_HEADER_BYTES;
  /** Set when it is offered to a sender. */
  number = 0;

  /** `capacity`: bytes of the largest body. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#memory = new RecordMemory(new ArrayBuffer(BODY_AT + capacity + TAG_BYTES));
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  get capacity(): number {
    return this.#capacity;
  }

  clear(): void {
    this.count = 0;
    this.bytes = BATCH_HEADER_BYTES;
  }

  fits(recordBytes: number): boolean {
    return this.bytes + ENVELOPE_BYTES + recordBytes <= this.#capacity;
  }

  /** Adds one envelope, with the record at `offset` of `source` unless that is -1. Positional: the hot path. */
  append(
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    source: Words,
    offset: number,
  ): void {
    const recordBytes = offset < 0 ? 0 : source.words[offset >> 2];
    const { words } = this.#memory;
    const at = (BODY_AT + this.bytes) >> 2;
    words[at] = ENVELOPE_BYTES + recordBytes;
    words[at + 1] = operation;
    words[at + 2] = target;
    words[at + 3] = a;
    words[at + 4] = b;
    words[at + 5] = c;
    words[at + 6] = d;
    words[at + 7] = e;
    if (recordBytes > 0) copyWords(words, at + ENVELOPE_WORDS, source.words, offset >> 2, recordBytes >> 2);
    this.bytes += ENVELOPE_BYTES + recordBytes;
    this.count++;
  }

  /** The same batch in memory of just its size. */
  compacted(): OutgoingBatch {
    const copy = new OutgoingBatch(this.bytes);
    copyWords(copy.#memory.words, BODY_AT >> 2, this.#memory.words, BODY_AT >> 2, this.bytes >> 2);
    copy.count = this.count;
    copy.bytes = this.bytes;
    return copy;
  }

  /** The frame, in the batch's own memory; the tag, if any, is still to be written. */
  frame(tagBytes: number): Buffer {
    const { bytes, words, doubles } = this.#memory;
    const headAt = BODY_AT - FRAME_HEAD_BYTES;
    bytes.writeUInt32LE(this.bytes + tagBytes, headAt);
    bytes[headAt + 4] = FrameType.batch;
    doubles[BODY_AT >> 3] = this.number;
    words[(BODY_AT >> 2) + 2] = this.count;
    words[(BODY_AT >> 2) + 3] = this.bytes;
    return bytes.subarray(headAt, BODY_AT + this.bytes + tagBytes);
  }
}

/** Where records lie, as far as copying them goes. */
export interface Words {
  readonly words: Int32Array;
}

function copyWords(target: Int32Array, to: number, source: Int32Array, from: number, count: number): void {
  if (count > LOOP_COPY_WORDS_MAX) {
    target.set(source.subarray(from, from + count), to);
    return;
  }
  for (let index = 0; index < count; index++) target[to + index] = source[from + index];
}

/** What a batch of `bytes` counts against the window, at the sender and at the receiver. */
export function chargeOf(bytes: number): number {
  return Math.max(bytes, LINK_LIMITS.batchChargeBytesMin);
}

/** What is wrong with a batch that came in at offset 0; undefined when nothing is: then it can be walked unchecked. */
export function batchFault(memory: RecordMemory, bytes: number): string | undefined {
  const { words } = memory;
  if ((bytes & 7) !== 0) return `${bytes} bytes are no multiple of 8`;
  if (words[3] !== bytes) return `it says ${words[3]} bytes in ${bytes}`;
  let count = 0;
  let at = BATCH_HEADER_BYTES;
  while (at < bytes) {
    const size = words[at >> 2];
    if (size < ENVELOPE_BYTES || (size & 7) !== 0 || size > bytes - at) return `an envelope of ${size} bytes`;
    if (size > ENVELOPE_BYTES && !isRecord(words, (at + ENVELOPE_BYTES) >> 2, size - ENVELOPE_BYTES)) {
      return 'a record whose parts are larger than itself';
    }
    at += size;
    count++;
  }
  return count === words[2] ? undefined : `it says ${words[2]} envelopes, it has ${count}`;
}

function isRecord(words: Int32Array, at: number, bytes: number): boolean {
  if (bytes < RECORD_HEADER_BYTES || words[at] !== bytes) return false;
  const headers = words[at + WORD_HEADERS_SIZE];
  const body = words[at + WORD_BODY_SIZE];
  if (headers < 0 || body < 0) return false;
  const topicKey = words[at + WORD_TOPIC_KEY];
  const small = (topicKey & 0xffff) + (topicKey >>> 16) + (words[at + WORD_DEDUP] & 0xffff);
  return RECORD_HEADER_BYTES + small + headers + body <= bytes;
}

/** Gets one envelope of a batch; `offset` -1 = no record. Valid as long as the batch is. The mailbox's own shape. */
export type EnvelopeVisitor = (
  operation: number,
  target: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  memory: RecordMemory,
  offset: number,
) => void;

/** A batch that came in. It belongs to its taker until take() is called; then its memory is used again. */
export interface IncomingBatch {
  readonly number: number;
  readonly count: number;
  readonly bytes: number;
  readonly memory: RecordMemory;
}

/** Calls `visit` for each envelope, in order. */
export function forEachEnvelope(batch: IncomingBatch, visit: EnvelopeVisitor): void {
  const { memory, bytes } = batch;
  const { words } = memory;
  let at = BATCH_HEADER_BYTES;
  while (at < bytes) {
    const word = at >> 2;
    const size = words[word];
    const offset = size === ENVELOPE_BYTES ? -1 : at + ENVELOPE_BYTES;
    visit(
      words[word + 1],
      words[word + 2],
      words[word + 3],
      words[word + 4],
      words[word + 5],
      words[word + 6],
      words[word + 7],
      memory,
      offset,
    );
    at += size;
  }
}
