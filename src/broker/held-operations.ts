// What is asked of a queue that is just changing its place, in order, until the way to the new place is free: nothing
// may overtake what still travels the old way. That takes one round trip between threads; the sessions of this shard
// are read no further meanwhile, so only what was read already lies here, and what others still sent this way.
// Lives on: a shard, one for each queue that changes its place.
import { type RecordMemory, recordCopy } from '../core/record.ts';

interface HeldOperation {
  /** Who asks. */
  readonly origin: number;
  readonly operation: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly record: RecordMemory | undefined;
}

export class HeldOperations {
  /** Fences that are not answered. */
  fences = 0;
  /** Number of the last move that made this necessary. */
  move = 0;
  readonly #operations: HeldOperation[] = [];

  add(origin: number, operation: number, a: number, b: number, c: number, d: number): void {
    this.#operations.push({ origin, operation, a, b, c, d, record: undefined });
  }

  /** Keeps a copy of the record. */
  addRecord(origin: number, operation: number, a: number, b: number, memory: RecordMemory, offset: number): void {
    this.#operations.push({ origin, operation, a, b, c: 0, d: 0, record: recordCopy(memory, offset) });
  }

  [Symbol.iterator](): Iterator<HeldOperation> {
    return this.#operations[Symbol.iterator]();
  }
}
