// Where record bytes lie. A queue fills one slab after the other by moving a mark forward, and a slab that holds
// nothing live any more goes back to a small pool of the shard, so that steady traffic keeps writing to the same warm
// memory.
//
//   slab:  | message, 0 | record ..... | message, 0 | record | message, 0 | record ........ |   free   |
//                                       -1 = record is gone                                 ^ top
//
// Slabs are as large as what the queue holds (4 KiB to 1 MiB), so a queue of few messages is small and one of many has
// few slabs. A record larger than 1 MiB gets a slab of its own. A few long-lived records could hold many slabs: when a
// queue's slabs are mostly empty, the emptiest are walked and their live records moved together. That is why the number
// of its message stands before each record.
// Lives on: a shard; one pool, and one store a queue. Called by: MessageTable.
import { assert } from '../base/assert.ts';
import { RecordMemory, WORD_SIZE } from './record.ts';

/** What stands before each record: the message's number and four bytes that keep records aligned. */
export const RECORD_PREFIX_BYTES = 8;
/** The message number before a record that is gone. */
const GONE = -1;

const SLAB_BYTES_MIN = 4 * 1024;
const SLAB_BYTES_MAX = 1024 * 1024;
/** Released slabs that a shard keeps for their next use: enough for the ebb and flow of a busy shard. */
const SPARE_BYTES_MAX = 8 * SLAB_BYTES_MAX;
/** A slab with less than this part live may be emptied by moving the rest. */
const SPARSE_DIVISOR = 4;
/** Waste below this is never worth a move: two of the smallest slabs. */
const SLACK_BYTES = 2 * SLAB_BYTES_MIN;

export class Slab {
  readonly number: number;
  readonly memory: RecordMemory;
  readonly size: number;
  /** Bytes from here on are free. */
  top = 0;
  /** Bytes of records (with prefix) that are not gone. */
  live = 0;
  sparse = false;

  constructor(number: number, size: number) {
    this.number = number;
    this.size = size;
    this.memory = new RecordMemory(new ArrayBuffer(size));
  }
}

/** All slabs of a shard, by number. */
export class SlabPool {
  readonly slabs: Slab[] = [];
  /** Bytes of records in all stores, with prefixes. */
  liveBytes = 0;
  /** Bytes of the slabs in use. */
  usedBytes = 0;
  readonly #freeNumbers: number[] = [];
  /** Spare slabs by size class (log2 of the size), the last used on top. */
  readonly #spares: Slab[][] = Array.from({ length: 32 }, () => []);
  #spareBytes = 0;

  /** Bytes of released slabs that are kept. */
  get spareBytes(): number {
    return this.#spareBytes;
  }

  take(size: number): Slab {
    this.usedBytes += size;
    const spare = this.#spares[sizeClass(size)].pop();
    if (spare !== undefined && spare.size === size) {
      this.#spareBytes -= size;
      return spare;
    }
    assert(spare === undefined, 'spare slabs have the size of their class');
    const number = this.#freeNumbers.pop() ?? this.slabs.length;
    const slab = new Slab(number, size);
    this.slabs[number] = slab;
    return slab;
  }

  give(slab: Slab): void {
    assert(slab.live === 0, 'a released slab holds nothing');
    this.usedBytes -= slab.size;
    slab.top = 0;
    slab.sparse = false;
    if (slab.size <= SLAB_BYTES_MAX && this.#spareBytes + slab.size <= SPARE_BYTES_MAX) {
      this.#spares[sizeClass(slab.size)].push(slab);
      this.#spareBytes += slab.size;
      return;
    }
    this.slabs[slab.number] = NO_SLAB;
    this.#freeNumbers.push(slab.number);
    slab.memory.free();
  }
}

/** Stands in the place of a slab that was let go. */
const NO_SLAB = new Slab(-1, 0);

/** Told where a record went. */
export interface Relocation {
  relocate(message: number, slab: Slab, offset: number): void;
}

/** The slabs of one queue. */
export class SlabStore {
  /** Bytes of the queue's records, with prefixes. */
  liveBytes = 0;
  /** Bytes of the queue's slabs. */
  usedBytes = 0;
  readonly #pool: SlabPool;
  #current: Slab | undefined;
  /** Slabs, the current one not among them, of which little is live. */
  #sparse: Slab[] = [];

  constructor(pool: SlabPool) {
    this.#pool = pool;
  }

  /** Makes room for a record at the end of a slab: it is to lie at `slab.top - recordBytes`. */
  allocate(message: number, recordBytes: number): Slab {
    const bytes = recordBytes + RECORD_PREFIX_BYTES;
    const current = this.#current;
    const slab = current !== undefined && current.size - current.top >= bytes ? current : this.#extend(bytes);
    slab.memory.words[slab.top >> 2] = message;
    slab.top += bytes;
    slab.live += bytes;
    this.liveBytes += bytes;
    this.#pool.liveBytes += bytes;
    return slab;
  }

  release(slab: Slab, offset: number): void {
    const words = slab.memory.words;
    const bytes = words[(offset >> 2) + WORD_SIZE] + RECORD_PREFIX_BYTES;
    words[(offset - RECORD_PREFIX_BYTES) >> 2] = GONE;
    slab.live -= bytes;
    this.liveBytes -= bytes;
    this.#pool.liveBytes -= bytes;
    if (slab.live === 0) this.#drop(slab);
    else if (!slab.sparse && slab !== this.#current && slab.live * SPARSE_DIVISOR < slab.size) this.#markSparse(slab);
  }

  /** Whether tidy() would give memory back. */
  get wasteful(): boolean {
    return this.usedBytes > this.liveBytes * SPARSE_DIVISOR + SLACK_BYTES;
  }

  /** Empties one slab by moving what is live in it. Records move: nobody may hold an offset meanwhile. */
  tidy(relocation: Relocation): void {
    const slab = this.#sparse.pop() ?? this.#current;
    if (slab === undefined) return;
    if (slab === this.#current) this.#current = undefined;
    // From here on it counts as neither current nor sparse, and goes with its last record.
    slab.sparse = true;
    const words = slab.memory.words;
    let at = 0;
    while (slab.live > 0) {
      const message = words[at >> 2];
      const from = at + RECORD_PREFIX_BYTES;
      const recordBytes = words[(from >> 2) + WORD_SIZE];
      at = from + recordBytes;
      if (message === GONE) continue;
      const target = this.allocate(message, recordBytes);
      const offset = target.top - recordBytes;
      target.memory.bytes.set(slab.memory.bytes.subarray(from, at), offset);
      relocation.relocate(message, target, offset);
      this.release(slab, from);
    }
  }

  /** Another slab: the new current one, or one for this record alone. */
  #extend(bytes: number): Slab {
    const wanted = Math.max(SLAB_BYTES_MIN, Math.min(SLAB_BYTES_MAX, powerOfTwo(this.liveBytes)));
    const alone = bytes > SLAB_BYTES_MAX;
    const size = alone ? bytes : Math.max(wanted, powerOfTwo(bytes));
    const slab = this.#pool.take(size);
    this.usedBytes += size;
    if (alone) return slab;
    const last = this.#current;
    this.#current = slab;
    if (last !== undefined && last.live * SPARSE_DIVISOR < last.size) this.#markSparse(last);
    return slab;
  }

  #markSparse(slab: Slab): void {
    slab.sparse = true;
    this.#sparse.push(slab);
  }

  #drop(slab: Slab): void {
    if (slab === this.#current) this.#current = undefined;
    const index = slab.sparse ? this.#sparse.indexOf(slab) : -1;
    if (index >= 0) {
      const last = this.#sparse.pop() as Slab;
      if (last !== slab) this.#sparse[index] = last;
    }
    this.usedBytes -= slab.size;
    this.#pool.give(slab);
  }
}

function sizeClass(size: number): number {
  return 31 - Math.clz32(size);
}

function powerOfTwo(bytes: number): number {
  return bytes <= 1 ? 1 : 2 ** (32 - Math.clz32(bytes - 1));
}
