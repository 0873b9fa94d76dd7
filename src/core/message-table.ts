// All messages of one shard's queues. Lives on: a shard, one.
import { AssertionError } from '../base/assert.ts';
import type { RecordMemory } from './record.ts';

export interface MessageTableOptions {
  /** Bytes of messages that all queues of the shard may hold; Infinity = no bound. */
  readonly memoryLimitBytes?: number;
}

export class MessageTable {
  constructor(_options: MessageTableOptions = {}) {}

  /** Bytes held for messages of all queues. */
  get usedBytes(): number {
    throw new AssertionError('not built yet');
  }

  /** Memory that holds the record of a message; valid until the queue is called again. */
  memory(_message: number): RecordMemory {
    throw new AssertionError('not built yet');
  }

  /** Offset of the record in its memory, bytes. */
  offset(_message: number): number {
    throw new AssertionError('not built yet');
  }
}
