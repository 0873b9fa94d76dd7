// Memory of incoming batches. Those of the usual largest size are used again, so that a busy link does not allocate and
// clear 64 KiB for each; others are made to measure and left to the collector.
// Lives on: the thread of the links, one for all peers.
import { alignedSize, RecordMemory } from '../../src/core/record.ts';
import { LINK_LIMITS } from '../limits.ts';
import { TAG_BYTES } from './frame.ts';

const POOLED_BYTES = LINK_LIMITS.batchGatherBytes + TAG_BYTES;

export class BatchPool {
  readonly #spares: RecordMemory[] = [];

  /** Memory for so many bytes, aligned; its content is whatever was there. */
  allocate(bytes: number): RecordMemory {
    if (bytes > POOLED_BYTES || bytes < LINK_LIMITS.batchCopyBytesMax) {
      return new RecordMemory(new ArrayBuffer(alignedSize(bytes)));
    }
    return this.#spares.pop() ?? new RecordMemory(new ArrayBuffer(alignedSize(POOLED_BYTES)));
  }

  /** Nobody looks at it any more. */
  release(memory: RecordMemory): void {
    const pooled = memory.bytes.length === alignedSize(POOLED_BYTES);
    if (pooled && this.#spares.length < LINK_LIMITS.sparesMax) this.#spares.push(memory);
  }
}
