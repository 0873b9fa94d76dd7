// The way to the consumers of one place, such as another shard. While it is short of room it is closed: queues pass
// over the consumers behind it, which wait here until it opens. So a queue never pours a consumer's whole prefetch, or
// ten thousand fetches, into a ring that nobody empties: what lies there stays within the ring and one message.
// Lives on: a shard, one for each place. Closed and opened by the shard's broker, read by its queues at each delivery.

/** A queue, as lanes see it. */
export interface LaneUser {
  /** The consumer may be served again; this may close the lane. */
  laneOpened(address: number, nowMs: number): void;
}

export class Lane {
  isOpen = true;
  readonly #waiting = new Map<LaneUser, Set<number>>();

  /** The consumer of this address has been passed over. */
  wait(queue: LaneUser, address: number): void {
    const addresses = this.#waiting.get(queue);
    if (addresses === undefined) this.#waiting.set(queue, new Set([address]));
    else addresses.add(address);
  }

  leave(queue: LaneUser, address: number): void {
    const addresses = this.#waiting.get(queue);
    if (addresses?.delete(address) === true && addresses.size === 0) this.#waiting.delete(queue);
  }

  /** There is room: serves who waits, one after the other, until the lane is closed again. */
  open(nowMs: number): void {
    this.isOpen = true;
    for (const [queue, addresses] of this.#waiting) {
      for (const address of addresses) {
        if (!this.isOpen) return;
        this.leave(queue, address);
        queue.laneOpened(address, nowMs);
      }
    }
  }
}
