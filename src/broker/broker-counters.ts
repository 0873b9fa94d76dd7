// What a shard's broker counts, as plain numbers on the hot path; main asks for them when metrics are scraped.
// Lives on: a shard, one.

export class BrokerCounters {
  /** Publishes that every local queue took (or that were handed to another shard's). */
  publishes = 0;
  /** Publishes refused, or to a topic without a queue. */
  publishErrors = 0;
  /** Unconfirmed publishes (QoS 0) that found their queue deleted when they came to its shard. */
  publishesLost = 0;
  /** Messages handed to sessions of this shard. */
  deliveries = 0;
}
