// What a queue needs of its shard, and what it tells it. The shard's broker implements this; tests write it down.
import type { TimingWheel } from '../base/timing-wheel.ts';
import type { Lane } from './lane.ts';
import type { MessageTable } from './message-table.ts';
import type { Queue } from './queue.ts';

/** Why a message is dead. */
export type DeadLetterReason = 'max-deliveries';

/**
 * What became of a message that was handed to another queue: that one has it, or did not take it; `later` = its answer
 * comes through Queue.transferred(), and until then the message stays where it is.
 */
export type TransferAnswer = 'taken' | 'refused' | 'later';

/** Effects of a queue; synchronous, called during queue methods. They may call the queue again. */
export interface QueueHandler {
  /** `fetch` -1 = from a subscription. The record is read through queue.messages; its attempts byte is set. */
  deliver(queue: Queue, address: number, message: number, fetch: number): void;
  fetchTimedOut(queue: Queue, address: number, fetch: number): void;
  /** A blocked publish got in (`accepted`, `expired`), or was given up (`full`: purged, `gone`: queue deleted). */
  unblocked(queue: Queue, address: number, publish: number, result: number): void;
  /** Hands the message to the dead-letter queue: copies the record before it returns, unless it answers `later`. */
  deadLetter(queue: Queue, message: number, reason: DeadLetterReason): TransferAnswer;
  /** The idle time to live ran out: the owner deletes the queue. */
  idle(queue: Queue): void;
}

/** What all queues of one shard share. */
export interface QueueShared {
  readonly messages: MessageTable;
  readonly wheel: TimingWheel;
  readonly handler: QueueHandler;
  /** The way to the consumer of an address. */
  readonly laneOf: (address: number) => Lane;
}
