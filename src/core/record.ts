// The one layout of a message: in a ring, in a queue's slab, in a store row and on a link between nodes.
//
//   byte  0  u32  size          bytes of the whole record, padded to 8
//         4  u8   format        form of the body, see BodyFormat
//         5  u8   flags         bits 0-1 qos, bit 2 retain, bit 3 moved from one queue to another
//         6  u8   priority      0 (default) .. 9
//         7  u8   attempts      deliveries so far (saturates at 255); set by the queue when it hands the record out
//         8  f64  publishMs     when the edge took it, ms since the epoch
//        16  f64  expireAtMs    0 = never
//        24  f64  deliverAtMs   0 = at once
//        32  16B  id            UUIDv7, made by the edge
//        48  u16  topicSize     50 u16 keySize
//        52  u16  dedupSize     54 u16 reserved
//        56  u32  headersSize
//        60  u32  bodySize
//        64  topic, key, dedup id, headers, body; then 0-7 bytes of padding
//
// Records start at multiples of 8 bytes, so that header fields are read through Int32Array/Float64Array views of the
// same memory: no allocation and no unaligned access. All little-endian (every platform Node runs on here is).

/** How the body is encoded: as its publisher sent it; converted only for a consumer of another protocol. */
export const BodyFormat = {
  /** Plain bytes (HTTP, SMQ, emque). */
  raw: 0,
  /** A whole `hsmq.v1.hsmq.Message` protobuf: topic, key and headers are inside the body too. */
  hsmq: 1,
  /** MQTT application message; headers hold the v5 properties. */
  mqtt: 2,
} as const;

/** Size of the fixed header, bytes. */
export const RECORD_HEADER_BYTES = 64;

// Word (4-byte) indices of the header's fields, relative to the record's first word.
export const WORD_SIZE = 0;
export const WORD_TAGS = 1;
export const WORD_ID = 8;
export const WORD_TOPIC_KEY = 12;
export const WORD_DEDUP = 13;
export const WORD_HEADERS_SIZE = 14;
export const WORD_BODY_SIZE = 15;

// Double (8-byte) indices of the header's times, relative to the record's first double.
export const DOUBLE_PUBLISH_MS = 1;
export const DOUBLE_EXPIRE_AT_MS = 2;
export const DOUBLE_DELIVER_AT_MS = 3;

/** Rounds a size up to the alignment of records. */
export function alignedSize(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** Packs format, flags, priority and attempts into the header's second word. */
export function packTags(format: number, flags: number, priority: number): number {
  return format | (flags << 8) | (priority << 16);
}

/** Bit 3 of the flags, in the tags word: dedup windows let a message pass that a queue has accepted before. */
export const TAG_MOVED = 1 << 11;

/** Whether the tags word is of a record that was moved from one queue to another. */
export function tagsMoved(tags: number): boolean {
  return (tags & TAG_MOVED) !== 0;
}

/** Priority of a record from its tags word. */
export function tagsPriority(tags: number): number {
  return (tags >> 16) & 0xff;
}

/** Body format of a record from its tags word. */
export function tagsFormat(tags: number): number {
  return tags & 0xff;
}

/**
 * Memory that holds records, seen as bytes, words and doubles at once. The views share one buffer and offset 0 is
 * aligned to 8. Whoever hands out a RecordMemory says how long its content stays valid.
 */
export class RecordMemory {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  readonly doubles: Float64Array;

  constructor(buffer: ArrayBufferLike) {
    this.bytes = Buffer.from(buffer as ArrayBuffer);
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
  }

  /**
   * Gives the memory back at once; every view of it is empty then. Without this it would stay until the collector
   * comes, which an idle thread never calls. Only for memory that no other thread shares.
   */
  free(): void {
    (this.words.buffer as ArrayBuffer).transfer(0);
  }
}

/** Size in bytes of a record's topic. */
export function topicSize(memory: RecordMemory, recordOffset: number): number {
  return memory.words[(recordOffset >> 2) + WORD_TOPIC_KEY] & 0xffff;
}

/** Size in bytes of a record's deduplication id; 0 when its publisher gave none. */
export function dedupSize(memory: RecordMemory, recordOffset: number): number {
  return memory.words[(recordOffset >> 2) + WORD_DEDUP] & 0xffff;
}

/** Offset in bytes of a record's deduplication id. */
export function dedupOffset(memory: RecordMemory, recordOffset: number): number {
  const sizes = memory.words[(recordOffset >> 2) + WORD_TOPIC_KEY];
  return recordOffset + RECORD_HEADER_BYTES + (sizes & 0xffff) + (sizes >>> 16);
}

/** Offset in bytes of a record's body. */
export function bodyOffset(memory: RecordMemory, recordOffset: number): number {
  const word = recordOffset >> 2;
  return (
    dedupOffset(memory, recordOffset) +
    (memory.words[word + WORD_DEDUP] & 0xffff) +
    memory.words[word + WORD_HEADERS_SIZE]
  );
}

/** Size in bytes of a record's body. */
export function bodySize(memory: RecordMemory, recordOffset: number): number {
  return memory.words[(recordOffset >> 2) + WORD_BODY_SIZE];
}

/** A copy of one record, at offset 0 of memory of its own. */
export function recordCopy(memory: RecordMemory, offset: number): RecordMemory {
  const copy = new RecordMemory(new ArrayBuffer(memory.words[offset >> 2]));
  copyRecord(copy, 0, memory, offset);
  return copy;
}

/** Above this many bytes one native copy beats a loop over words (measured in bench/). */
const LOOP_COPY_BYTES_MAX = 512;

/** Copies one whole record. Both offsets are in bytes and multiples of 8. */
export function copyRecord(
  target: RecordMemory,
  targetOffset: number,
  source: RecordMemory,
  sourceOffset: number,
): void {
  const size = source.words[sourceOffset >> 2];
  if (size > LOOP_COPY_BYTES_MAX) {
    target.bytes.set(source.bytes.subarray(sourceOffset, sourceOffset + size), targetOffset);
    return;
  }
  const from = source.words;
  const to = target.words;
  let at = targetOffset >> 2;
  const end = (sourceOffset + size) >> 2;
  for (let word = sourceOffset >> 2; word < end; word++) to[at++] = from[word];
}
