// Consumers on other shards of the queues here: what they asked for, and which of them are held because the ring to
// their shard is short of room. Holding is a prefetch of 0, so a queue never pours a consumer's whole prefetch into a
// ring that nobody empties: what waits there stays within the ring and one message.
// Lives on: a shard, one, inside its broker.
import type { Queue } from '../core/queue.ts';

export class RemoteConsumers {
  /** Prefetch by address, for each queue. */
  readonly #asked = new Map<Queue, Map<number, number>>();
  #held = new Map<Queue, Set<number>>();

  subscribe(queue: Queue, consumer: { readonly address: number; readonly prefetch: number }, nowMs: number): void {
    const asked = this.#asked.get(queue) ?? new Map<number, number>();
    this.#asked.set(queue, asked.set(consumer.address, consumer.prefetch));
    // A held one gets what it asked for when its ring has room.
    if (this.#held.get(queue)?.has(consumer.address) !== true)
      queue.subscribe(consumer.address, consumer.prefetch, nowMs);
  }

  unsubscribe(queue: Queue, address: number, nowMs: number): void {
    const asked = this.#asked.get(queue);
    if (asked?.delete(address) === true && asked.size === 0) this.#asked.delete(queue);
    this.#held.get(queue)?.delete(address);
    queue.unsubscribe(address, nowMs);
  }

  /** The ring to this consumer's shard is short of room. May be called in the middle of a delivery. */
  hold(queue: Queue, address: number, nowMs: number): void {
    if (this.#asked.get(queue)?.has(address) !== true) return;
    const held = this.#held.get(queue) ?? new Set<number>();
    if (held.has(address)) return;
    this.#held.set(queue, held.add(address));
    queue.subscribe(address, 0, nowMs);
  }

  /** The rings have room again. */
  release(nowMs: number): void {
    const held = this.#held;
    // A delivery that begins here may fill a ring and hold its consumer again.
    this.#held = new Map();
    for (const [queue, addresses] of held) {
      for (const address of addresses) {
        const prefetch = this.#asked.get(queue)?.get(address);
        if (prefetch !== undefined) queue.subscribe(address, prefetch, nowMs);
      }
    }
  }

  /** The queue was deleted. */
  forget(queue: Queue): void {
    this.#asked.delete(queue);
    this.#held.delete(queue);
  }
}
