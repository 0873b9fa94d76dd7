// The deduplication ids a queue has seen within its window, oldest first. The window is the same for all ids, so they
// go in the order in which they came; beyond DEDUP_IDS_MAX the oldest goes early, which is counted.
// Lives on: a shard, one per queue with a dedup window. Called by: Queue.
import { DEDUP_IDS_MAX } from '../base/limits.ts';
import { dedupOffset, dedupSize, type RecordMemory } from './record.ts';

export class DedupWindow {
  readonly #windowMs: number;
  readonly #idsMax: number;
  /** Id (bytes as latin1) -> when it is forgotten, ms; in order of arrival. */
  readonly #forgetAtMs = new Map<string, number>();
  /** Walks the map once, in its order: a new walk would step over all that was deleted at its beginning. */
  #walk = this.#forgetAtMs.entries();
  /** Where the walk stands: the oldest entry, unless it was deleted or renewed meanwhile. */
  #oldest: [string, number] | undefined;
  /** Ids that were forgotten before their time, because there were too many. */
  forgottenEarly = 0;

  constructor(windowMs: number, idsMax = DEDUP_IDS_MAX) {
    this.#windowMs = windowMs;
    this.#idsMax = idsMax;
  }

  get count(): number {
    return this.#forgetAtMs.size;
  }

  /** Whether the record's id was seen within the window. */
  has(memory: RecordMemory, offset: number, nowMs: number): boolean {
    const forgetAtMs = this.#forgetAtMs.get(idOf(memory, offset));
    return forgetAtMs !== undefined && forgetAtMs > nowMs;
  }

  add(memory: RecordMemory, offset: number, nowMs: number): void {
    const id = idOf(memory, offset);
    // Deleted first, so that an id that comes again goes to the end of the order.
    this.#forgetAtMs.delete(id);
    if (this.#forgetAtMs.size >= this.#idsMax) this.#forgetOldest();
    this.#forgetAtMs.set(id, nowMs + this.#windowMs);
  }

  entries(): Iterable<readonly [string, number]> {
    return this.#forgetAtMs;
  }

  /** An id that was remembered elsewhere; they come oldest first. */
  restore(id: string, forgetAtMs: number): void {
    this.#forgetAtMs.set(id, forgetAtMs);
  }

  /** The message was given up before it was in the queue: its publisher may try again. */
  forget(memory: RecordMemory, offset: number): void {
    this.#forgetAtMs.delete(idOf(memory, offset));
  }

  /** Forgets up to `limit` ids whose time has come. Returns when to call it next, ms; Infinity when nothing is left. */
  prune(nowMs: number, limit: number): number {
    for (let forgotten = 0; ; forgotten++) {
      const oldest = this.#findOldest();
      if (oldest === undefined) return Number.POSITIVE_INFINITY;
      if (oldest[1] > nowMs || forgotten === limit) return oldest[1];
      this.#forgetAtMs.delete(oldest[0]);
    }
  }

  #forgetOldest(): void {
    const oldest = this.#findOldest();
    if (oldest !== undefined) this.#forgetAtMs.delete(oldest[0]);
    this.forgottenEarly++;
  }

  #findOldest(): [string, number] | undefined {
    while (this.#oldest === undefined || this.#forgetAtMs.get(this.#oldest[0]) !== this.#oldest[1]) {
      const step = this.#walk.next();
      if (step.done === true) {
        // A walk that has ended stays so; whatever it passed is gone, so the map is empty.
        this.#walk = this.#forgetAtMs.entries();
        this.#oldest = undefined;
        return undefined;
      }
      this.#oldest = step.value;
    }
    return this.#oldest;
  }
}

function idOf(memory: RecordMemory, offset: number): string {
  const start = dedupOffset(memory, offset);
  return memory.bytes.toString('latin1', start, start + dedupSize(memory, offset));
}
