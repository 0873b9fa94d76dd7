// What became of every message a queue accepted. At every moment
//
//   accepted = acked + ready + in flight + delayed + expired + dropped (limit, max deliveries, memory)
//              + dead-lettered + purged + moved
//
// so nothing is lost without a counter that says why. The counters below the line are outside of that sum; for them
// received = accepted + blocked + rejected (full, memory, duplicate) holds.
// Lives on: a shard, one per queue. Written by: the queue and its parts alone.

/** How many of a queue's messages are where, at one moment. */
export interface LedgerGauges {
  readonly ready: number;
  readonly inFlight: number;
  readonly delayed: number;
  readonly blocked: number;
}

/** The ledger and its gauges as plain values, for metrics, admin and tests. */
export interface LedgerCounts extends LedgerGauges {
  readonly accepted: number;
  readonly acked: number;
  readonly expired: number;
  readonly droppedLimit: number;
  readonly droppedMaxDeliveries: number;
  readonly droppedMemory: number;
  readonly deadLettered: number;
  readonly purged: number;
  readonly moved: number;
  readonly received: number;
  readonly delivered: number;
  readonly redelivered: number;
  readonly requeued: number;
  readonly ackTimeout: number;
  readonly ackAfter: number;
  readonly rejectedFull: number;
  readonly rejectedMemory: number;
  readonly rejectedDuplicate: number;
}

export class Ledger {
  accepted = 0;
  acked = 0;
  /** Its time to live ran out before a consumer took it. */
  expired = 0;
  /** Dropped to keep the queue within its limit. */
  droppedLimit = 0;
  /** Delivered too often, and no dead-letter queue took it. */
  droppedMaxDeliveries = 0;
  /** Dropped to keep the shard within its memory. */
  droppedMemory = 0;
  deadLettered = 0;
  purged = 0;
  /** Handed to another queue. */
  moved = 0;

  // Outside of the sum.
  received = 0;
  delivered = 0;
  /** Deliveries beyond the first of a message. */
  redelivered = 0;
  /** Given back by a consumer, or by one that left. */
  requeued = 0;
  ackTimeout = 0;
  /** Acks that came after their timeout and still counted. */
  ackAfter = 0;
  rejectedFull = 0;
  rejectedMemory = 0;
  rejectedDuplicate = 0;

  /** Goes on where the ledger of the same queue on another shard or node ended. */
  restore(counts: Readonly<Record<string, number>>): void {
    Object.assign(this, counts);
  }

  /** Accepted messages that are nowhere; 0 at every moment. */
  imbalance(gauges: LedgerGauges): number {
    const gone = this.acked + this.expired + this.deadLettered + this.purged + this.moved;
    const dropped = this.droppedLimit + this.droppedMaxDeliveries + this.droppedMemory;
    return this.accepted - gone - dropped - gauges.ready - gauges.inFlight - gauges.delayed;
  }

  /** Offered messages without an answer; 0 at every moment. */
  unanswered(gauges: LedgerGauges): number {
    const rejected = this.rejectedFull + this.rejectedMemory + this.rejectedDuplicate;
    return this.received - this.accepted - rejected - gauges.blocked;
  }

  counts(gauges: LedgerGauges): LedgerCounts {
    return { ...this, ...gauges };
  }
}
