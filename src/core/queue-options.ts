// What a queue is told at its declaration. Config, admin REST, cluster and tests all speak of queues in these terms.

/** What happens to a publish that finds the queue at its limit. */
export type OverflowPolicy = 'drop-oldest' | 'reject' | 'block';

/** The declaration of one queue. Durations are in ms; 0 switches a feature off. */
export interface QueueOptions {
  readonly name: string;
  /** Topics bound to the queue: a message published to one of them is kept here. */
  readonly topics: readonly string[];
  /** Most waiting (ready + delayed) messages. */
  readonly limit: number;
  readonly overflow: OverflowPolicy;
  /** A delivered message that is not acked within this time goes back to the head. 0 = no timeout. */
  readonly ackTimeoutMs: number;
  /**
   * Deliveries of one message before it is dead-lettered (or dropped when there is no dead-letter queue). 0 = no bound.
   */
  readonly maxDeliveries: number;
  /** Name of the queue that takes dead messages; empty = none. */
  readonly deadLetterQueue: string;
  /** Default time to live of a message; the publisher may ask for less. */
  readonly messageTtlMs: number;
  /** Default delay between acceptance and first delivery. */
  readonly delayMs: number;
  /** A message id seen within this window is confirmed but not enqueued again. */
  readonly dedupWindowMs: number;
  /** A dynamic queue is deleted after this long without consumers (and without fetches or publishes). 0 = permanent. */
  readonly idleTtlMs: number;
  /** Prefetch of a consumer that asks for none. */
  readonly prefetchCount: number;
}

/** Defaults of every option; `name` has none. */
export const QUEUE_DEFAULTS: Omit<QueueOptions, 'name'> = {
  topics: [],
  limit: 100_000_000,
  overflow: 'drop-oldest',
  ackTimeoutMs: 60_000,
  maxDeliveries: 0,
  deadLetterQueue: '',
  messageTtlMs: 0,
  delayMs: 0,
  dedupWindowMs: 0,
  idleTtlMs: 0,
  prefetchCount: 1,
};

/** A full declaration from a partial one. */
export function queueOptions(given: { readonly name: string } & Partial<QueueOptions>): QueueOptions {
  return { ...QUEUE_DEFAULTS, ...given };
}
