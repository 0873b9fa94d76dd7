// All messages of one shard's queues: a row of 16 words a message, its number is the row's. Numbers stay as they are
// while the message lives, lists of messages are links between rows, and nothing here is an object a message.
//
// Rows come in chunks of 65,536 (4 MiB): growing to ten million messages copies nothing, and a chunk without messages
// is given back. Record bytes lie in slabs (slab-store.ts), delivered messages are found by id (id-index.ts).
// Lives on: a shard, one. Called by: the shard's queues and their parts.
import { assert } from '../base/assert.ts';
import { IdIndex } from './id-index.ts';
import {
  NO_MESSAGE,
  ROW_NEXT,
  ROW_OFFSET,
  ROW_QUEUE,
  ROW_SLAB,
  ROW_TAGS,
  ROW_TIMER,
  State,
  TAG_ATTEMPTS_SHIFT,
  TAG_INDEXED,
  TAG_PRIORITY_SHIFT,
  TAG_STATE_MASK,
} from './message-row.ts';
import { copyRecord, type RecordMemory } from './record.ts';
import { RECORD_PREFIX_BYTES, type Relocation, type Slab, SlabPool, type SlabStore } from './slab-store.ts';

const ROW_WORDS_BITS = 4;
const ROW_BYTES = 4 << ROW_WORDS_BITS;
const CHUNK_BITS = 16;
const CHUNK_ROWS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_ROWS - 1;
const NO_WORDS = new Int32Array(0);
const NO_DOUBLES = new Float64Array(0);

export interface MessageTableOptions {
  /** Bytes of messages that all queues of the shard may hold; Infinity = no bound. */
  readonly memoryLimitBytes?: number;
}

export class MessageTable implements Relocation {
  readonly slabs = new SlabPool();
  readonly ids = new IdIndex(this);
  readonly memoryLimitBytes: number;
  #count = 0;
  readonly #words: Int32Array[] = [];
  readonly #doubles: Float64Array[] = [];
  /** Per chunk: its first free row, how many rows were ever used, how many are in use. */
  readonly #freeHeads: number[] = [];
  readonly #fresh: number[] = [];
  readonly #used: number[] = [];
  /** Chunks with free rows, but for the one that is filled now. */
  readonly #open: number[] = [];
  readonly #isOpen: boolean[] = [];
  /** Chunks whose memory was given back. */
  readonly #absent: number[] = [];
  #filling = 0;

  constructor(options: MessageTableOptions = {}) {
    this.memoryLimitBytes = options.memoryLimitBytes ?? Number.POSITIVE_INFINITY;
    this.#addChunk();
  }

  /** Messages of all queues. */
  get count(): number {
    return this.#count;
  }

  /** Bytes held for messages of all queues. The slabs and chunks that hold them are at most a few times larger. */
  get usedBytes(): number {
    return this.slabs.liveBytes + this.#count * ROW_BYTES;
  }

  /** Bytes of the rows' chunks. */
  get tableBytes(): number {
    return (this.#words.length - this.#absent.length) * CHUNK_ROWS * ROW_BYTES;
  }

  /** Whether one more record fits the memory of the shard. */
  hasRoom(recordBytes: number): boolean {
    return this.usedBytes + recordBytes + RECORD_PREFIX_BYTES + ROW_BYTES <= this.memoryLimitBytes;
  }

  /** Memory that holds the record of a message; valid until the message's queue is called again. */
  memory(message: number): RecordMemory {
    return this.slab(message).memory;
  }

  /** Offset of the record in its memory, bytes. */
  offset(message: number): number {
    return this.#words[message >>> CHUNK_BITS][((message & CHUNK_MASK) << ROW_WORDS_BITS) + ROW_OFFSET];
  }

  slab(message: number): Slab {
    return this.slabs.slabs[this.#words[message >>> CHUNK_BITS][((message & CHUNK_MASK) << ROW_WORDS_BITS) + ROW_SLAB]];
  }

  word(message: number, field: number): number {
    return this.#words[message >>> CHUNK_BITS][((message & CHUNK_MASK) << ROW_WORDS_BITS) + field];
  }

  setWord(message: number, field: number, value: number): void {
    this.#words[message >>> CHUNK_BITS][((message & CHUNK_MASK) << ROW_WORDS_BITS) + field] = value;
  }

  double(message: number, field: number): number {
    return this.#doubles[message >>> CHUNK_BITS][((message & CHUNK_MASK) << (ROW_WORDS_BITS - 1)) + field];
  }

  setDouble(message: number, field: number, value: number): void {
    this.#doubles[message >>> CHUNK_BITS][((message & CHUNK_MASK) << (ROW_WORDS_BITS - 1)) + field] = value;
  }

  state(message: number): number {
    return this.word(message, ROW_TAGS) & TAG_STATE_MASK;
  }

  setState(message: number, state: number): void {
    this.setWord(message, ROW_TAGS, (this.word(message, ROW_TAGS) & ~TAG_STATE_MASK) | state);
  }

  priority(message: number): number {
    return (this.word(message, ROW_TAGS) >>> TAG_PRIORITY_SHIFT) & 15;
  }

  attempts(message: number): number {
    return this.word(message, ROW_TAGS) >>> TAG_ATTEMPTS_SHIFT;
  }

  /** Lets the message be found by its id. */
  index(message: number): void {
    const tags = this.word(message, ROW_TAGS);
    if ((tags & TAG_INDEXED) !== 0) return;
    this.ids.insert(message);
    this.setWord(message, ROW_TAGS, tags | TAG_INDEXED);
  }

  /** A new message with a copy of the record, in state `held`. */
  create(queue: number, store: SlabStore, memory: RecordMemory, offset: number): number {
    const message = this.#allocate();
    const recordBytes = memory.words[offset >> 2];
    const slab = store.allocate(message, recordBytes);
    const at = slab.top - recordBytes;
    copyRecord(slab.memory, at, memory, offset);
    const words = this.#words[message >>> CHUNK_BITS];
    const row = (message & CHUNK_MASK) << ROW_WORDS_BITS;
    words[row + ROW_QUEUE] = queue;
    words[row + ROW_TAGS] = State.held;
    words[row + ROW_SLAB] = slab.number;
    words[row + ROW_OFFSET] = at;
    words[row + ROW_TIMER] = -1;
    return message;
  }

  /** Ends a message that is in no list. */
  destroy(message: number, store: SlabStore): void {
    const tags = this.word(message, ROW_TAGS);
    assert((tags & TAG_STATE_MASK) === State.held, 'a message ends once, and in no list');
    if ((tags & TAG_INDEXED) !== 0) this.ids.remove(message);
    store.release(this.slab(message), this.offset(message));
    this.#free(message);
  }

  relocate(message: number, slab: Slab, offset: number): void {
    this.setWord(message, ROW_SLAB, slab.number);
    this.setWord(message, ROW_OFFSET, offset);
  }

  #allocate(): number {
    this.#count++;
    const chunk = this.#filling;
    const free = this.#freeHeads[chunk];
    this.#used[chunk]++;
    if (free !== NO_MESSAGE) {
      this.#freeHeads[chunk] = this.word(free, ROW_NEXT);
      return free;
    }
    if (this.#fresh[chunk] < CHUNK_ROWS) return chunk * CHUNK_ROWS + this.#fresh[chunk]++;
    this.#used[chunk]--;
    this.#count--;
    this.#openChunk();
    return this.#allocate();
  }

  #free(message: number): void {
    const chunk = message >>> CHUNK_BITS;
    this.setWord(message, ROW_TAGS, State.free);
    this.setWord(message, ROW_NEXT, this.#freeHeads[chunk]);
    this.#freeHeads[chunk] = message;
    this.#count--;
    const used = --this.#used[chunk];
    if (chunk === this.#filling) return;
    if (used === 0) this.#giveBack(chunk);
    else if (!this.#isOpen[chunk]) {
      this.#isOpen[chunk] = true;
      this.#open.push(chunk);
    }
  }

  /** The chunk to fill next: one with free rows, else a new one. */
  #openChunk(): void {
    while (this.#open.length > 0) {
      const chunk = this.#open.pop() as number;
      if (!this.#isOpen[chunk]) continue;
      this.#isOpen[chunk] = false;
      this.#filling = chunk;
      return;
    }
    this.#filling = this.#addChunk();
  }

  #addChunk(): number {
    const chunk = this.#absent.pop() ?? this.#words.length;
    const words = new Int32Array(CHUNK_ROWS << ROW_WORDS_BITS);
    this.#words[chunk] = words;
    this.#doubles[chunk] = new Float64Array(words.buffer);
    this.#freeHeads[chunk] = NO_MESSAGE;
    this.#fresh[chunk] = 0;
    this.#used[chunk] = 0;
    this.#isOpen[chunk] = false;
    return chunk;
  }

  /** Lets the memory of an empty chunk go. Its number may still stand among the open ones, which is checked there. */
  #giveBack(chunk: number): void {
    // Freed at once: an idle thread's collector would not come for it.
    (this.#words[chunk].buffer as ArrayBuffer).transfer(0);
    this.#words[chunk] = NO_WORDS;
    this.#doubles[chunk] = NO_DOUBLES;
    this.#isOpen[chunk] = false;
    this.#absent.push(chunk);
  }
}
