// The whole state of a queue as bytes, to move it to another thread or node: a stream of items in chunks, each of which
// is laid out as a record (its size in the first word), so that rings and links carry it as they carry messages.
//
//   chunk: the header of a record without a body (record.ts); then items, each aligned to 8 bytes
//   item:  word 0 size, word 1 kind, word 2 bytes of data; doubles 2-5 what the kind says; from byte 48 its data
//
// Times are relative to the moment of the export, so that the clocks of two nodes need not agree.
import { BrokerError } from '../base/errors.ts';
import { State, TAG_STATE_MASK } from './message-row.ts';
import type { QueueOptions } from './queue-options.ts';
import { alignedSize, RECORD_HEADER_BYTES, RecordMemory, recordCopy, WORD_SIZE } from './record.ts';

export const ImageKind = {
  /** Data: JSON of QueueImageHead. First. */
  head: 1,
  /** Doubles: address, prefetch, 1 = subscribed. */
  consumer: 2,
  /** Doubles: address, number of the fetch, remaining ms (0 = at once), 1 = autoack. */
  fetch: 3,
  /** Doubles: sequence or number of the publish, ms until due, ms until it expires, address; data: tags and record. */
  message: 4,
  /** Doubles: ms until it is forgotten; data: the id. */
  dedup: 5,
  /** Doubles: number of items before it. Last. */
  end: 6,
} as const;

const CHUNK_HEADER_BYTES = RECORD_HEADER_BYTES;
const ITEM_HEADER_BYTES = 48;

/** Bytes of a chunk, unless one item alone is larger: a fraction of a ring, so that others get through in between. */
const CHUNK_BYTES = 256 * 1024;

const WORD_KIND = 1;
const WORD_DATA_BYTES = 2;
const DOUBLE_A = 2;
const DOUBLE_D = 5;

/** What the first item of an image says. */
export interface QueueImageHead {
  readonly options: QueueOptions;
  readonly paused: boolean;
  /** How long ago the queue was used, ms. */
  readonly idleMs: number;
  readonly nextSequence: number;
  readonly ledger: Readonly<Record<string, number>>;
}

/** Gathers items; gives each full chunk to `emit`, which must copy it. */
export class ImageWriter {
  readonly #emit: (chunk: RecordMemory) => void;
  #chunk = new RecordMemory(new ArrayBuffer(CHUNK_BYTES));
  #used = CHUNK_HEADER_BYTES;
  #items = 0;

  constructor(emit: (chunk: RecordMemory) => void) {
    this.#emit = emit;
  }

  /** Writes one item and returns where its `dataBytes` of data begin in `memory`. */
  item(kind: number, numbers: readonly [number, number, number, number], dataBytes: number): number {
    const size = alignedSize(ITEM_HEADER_BYTES + dataBytes);
    if (this.#used + size > this.#chunk.bytes.length) this.#next(size);
    const at = this.#used;
    this.#chunk.words[at >> 2] = size;
    this.#chunk.words[(at >> 2) + WORD_KIND] = kind;
    this.#chunk.words[(at >> 2) + WORD_DATA_BYTES] = dataBytes;
    this.#chunk.doubles.set(numbers, (at >> 3) + DOUBLE_A);
    this.#used += size;
    this.#items++;
    return at + ITEM_HEADER_BYTES;
  }

  /** The chunk that the last item was written to. */
  get memory(): RecordMemory {
    return this.#chunk;
  }

  head(head: QueueImageHead): void {
    const text = JSON.stringify(head);
    const at = this.item(ImageKind.head, [0, 0, 0, 0], Buffer.byteLength(text));
    this.memory.bytes.write(text, at, 'utf8');
  }

  end(): void {
    this.item(ImageKind.end, [this.#items, 0, 0, 0], 0);
    this.#flush();
  }

  #next(size: number): void {
    this.#flush();
    const needed = CHUNK_HEADER_BYTES + size;
    if (needed > this.#chunk.bytes.length || (this.#chunk.bytes.length > CHUNK_BYTES && needed <= CHUNK_BYTES)) {
      this.#chunk = new RecordMemory(new ArrayBuffer(Math.max(CHUNK_BYTES, needed)));
    }
  }

  #flush(): void {
    if (this.#used === CHUNK_HEADER_BYTES) return;
    this.#chunk.words[WORD_SIZE] = this.#used;
    this.#emit(this.#chunk);
    this.#used = CHUNK_HEADER_BYTES;
  }
}

/** Another address (a session's new name) for an item of a consumer, a fetch or a message. */
export function readdress(item: ImageItem, address: number): void {
  const double = item.kind === ImageKind.message ? DOUBLE_D : DOUBLE_A;
  item.memory.doubles[((item.at - ITEM_HEADER_BYTES) >> 3) + double] = address;
}

/** The address in an item; -1 = it has none. */
export function addressIn({ kind, a, d }: ImageItem): number {
  if (kind === ImageKind.consumer || kind === ImageKind.fetch) return a;
  return kind === ImageKind.message ? d : -1;
}

/** Where the record is, when the item is a publish that is blocked; else -1. */
export function blockedRecord({ kind, memory, at }: ImageItem): number {
  const isBlocked = kind === ImageKind.message && (memory.words[at >> 2] & TAG_STATE_MASK) === State.blocked;
  return isBlocked ? at + 8 : -1;
}

/** The declaration of the queue whose image begins with this chunk. */
export function imageOptions(memory: RecordMemory, offset: number): QueueOptions {
  for (const { kind, at, dataBytes } of imageItems(memory, offset)) {
    if (kind !== ImageKind.head) break;
    return (JSON.parse(memory.bytes.toString('utf8', at, at + dataBytes)) as { options: QueueOptions }).options;
  }
  throw new BrokerError('internal', 'Cannot read the image of a queue: received no head, which comes first');
}

/** The image of a queue that was never used: one chunk. */
export function emptyImage(options: QueueOptions): RecordMemory {
  let image: RecordMemory | undefined;
  const writer = new ImageWriter((chunk) => {
    image = recordCopy(chunk, 0);
  });
  const head: QueueImageHead = { options, paused: false, idleMs: 0, nextSequence: 0, ledger: {} };
  writer.head(head);
  writer.end();
  return image as unknown as RecordMemory;
}

/** Whether the image ends with this chunk. */
export function isLastChunk(memory: RecordMemory, offset: number): boolean {
  const end = memory.words[(offset >> 2) + WORD_SIZE];
  return memory.words[((offset + end - ITEM_HEADER_BYTES) >> 2) + WORD_KIND] === ImageKind.end;
}

/** One item, valid until the next one is read. */
export interface ImageItem {
  kind: number;
  a: number;
  b: number;
  c: number;
  d: number;
  memory: RecordMemory;
  /** Where its data is. */
  at: number;
  dataBytes: number;
}

/** Reads the items of the chunk at `offset` of `memory`; the item object is the same each time. */
export function* imageItems(memory: RecordMemory, offset: number): Generator<ImageItem> {
  const item: ImageItem = { kind: 0, a: 0, b: 0, c: 0, d: 0, memory, at: 0, dataBytes: 0 };
  const end = offset + memory.words[(offset >> 2) + WORD_SIZE];
  let at = offset + CHUNK_HEADER_BYTES;
  while (at < end) {
    const size = memory.words[at >> 2];
    const dataBytes = memory.words[(at >> 2) + WORD_DATA_BYTES];
    if (size < ITEM_HEADER_BYTES || at + size > end || dataBytes < 0 || ITEM_HEADER_BYTES + dataBytes > size) {
      throw new BrokerError('internal', `Cannot read the image of a queue: received an item of ${size} bytes`);
    }
    item.kind = memory.words[(at >> 2) + WORD_KIND];
    item.dataBytes = dataBytes;
    item.at = at + ITEM_HEADER_BYTES;
    item.a = memory.doubles[(at >> 3) + DOUBLE_A];
    item.b = memory.doubles[(at >> 3) + DOUBLE_A + 1];
    item.c = memory.doubles[(at >> 3) + DOUBLE_A + 2];
    item.d = memory.doubles[(at >> 3) + DOUBLE_A + 3];
    yield item;
    at += size;
  }
}
