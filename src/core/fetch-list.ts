// Fetches that wait for a message, first come, first served. Each has a number for its timer while it waits.
// Lives on: a shard, one per queue that was ever fetched from.
import { assert } from '../base/assert.ts';
import type { Consumer } from './consumers.ts';

export interface PendingFetch {
  readonly consumer: Consumer;
  /** The session's number of the fetch. */
  readonly fetch: number;
  readonly autoack: boolean;
  /** Its number here: what its timer says. */
  readonly slot: number;
  /** Handle of its timer. */
  timer: number;
  next: PendingFetch | undefined;
  previous: PendingFetch | undefined;
}

export class FetchList {
  readonly #slots: (PendingFetch | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  #head: PendingFetch | undefined;
  #tail: PendingFetch | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get first(): PendingFetch | undefined {
    return this.#head;
  }

  at(slot: number): PendingFetch {
    const pending = this.#slots[slot];
    assert(pending !== undefined, 'a fetch waits while its timer is armed');
    return pending;
  }

  /** Whether the fetch has not been answered. */
  waits(pending: PendingFetch): boolean {
    return this.#slots[pending.slot] === pending;
  }

  /** The oldest fetch of a consumer. */
  find(consumer: Consumer): PendingFetch | undefined {
    if (consumer.fetches === 0) return undefined;
    let pending = this.#head;
    while (pending !== undefined && pending.consumer !== consumer) pending = pending.next;
    return pending;
  }

  append(consumer: Consumer, fetch: number, autoack: boolean): PendingFetch {
    const slot = this.#freeSlots.pop() ?? this.#slots.length;
    const previous = this.#tail;
    const pending: PendingFetch = { consumer, fetch, autoack, slot, timer: -1, next: undefined, previous };
    this.#slots[slot] = pending;
    if (previous === undefined) this.#head = pending;
    else previous.next = pending;
    this.#tail = pending;
    this.#count++;
    consumer.fetches++;
    return pending;
  }

  remove(pending: PendingFetch): void {
    const { next, previous, slot } = pending;
    if (previous === undefined) this.#head = next;
    else previous.next = next;
    if (next === undefined) this.#tail = previous;
    else next.previous = previous;
    this.#slots[slot] = undefined;
    this.#freeSlots.push(slot);
    this.#count--;
    pending.consumer.fetches--;
  }
}
