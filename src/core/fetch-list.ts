// Fetches that wait for a message, first come, first served. Each has a number for its timer while it waits. Those of a
// consumer that cannot be served now are parked: they keep their time, and lose their place.
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
  /** When it is answered with nothing, ms; 0 = at once. */
  dueMs: number;
  /** Handle of its timer. */
  timer: number;
  parked: boolean;
  next: PendingFetch | undefined;
  previous: PendingFetch | undefined;
}

export class FetchList {
  readonly #slots: (PendingFetch | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  /** So that those of one consumer are found without looking at all. */
  readonly #byConsumer = new Map<Consumer, Set<PendingFetch>>();
  #head: PendingFetch | undefined;
  #tail: PendingFetch | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The oldest that is not parked. */
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

  /** All fetches of a consumer, oldest first; they may be removed on the way. */
  of(consumer: Consumer): Iterable<PendingFetch> {
    return this.#byConsumer.get(consumer) ?? [];
  }

  /** All of them: those in line, then those that are parked. */
  inOrder(): PendingFetch[] {
    const line: PendingFetch[] = [];
    for (let pending = this.#head; pending !== undefined; pending = pending.next) line.push(pending);
    return [...line, ...this.parked()];
  }

  /** Those that are parked, in no order. */
  parked(): PendingFetch[] {
    return this.#slots.filter((pending) => pending?.parked === true) as PendingFetch[];
  }

  append(consumer: Consumer, fetch: number, autoack: boolean): PendingFetch {
    const slot = this.#freeSlots.pop() ?? this.#slots.length;
    const links = { next: undefined, previous: undefined };
    const parked = consumer.suspended;
    const pending: PendingFetch = { consumer, fetch, autoack, slot, timer: -1, dueMs: 0, ...links, parked };
    this.#slots[slot] = pending;
    if (!pending.parked) this.#link(pending);
    const own = this.#byConsumer.get(consumer);
    if (own === undefined) this.#byConsumer.set(consumer, new Set([pending]));
    else own.add(pending);
    this.#count++;
    consumer.fetches++;
    return pending;
  }

  remove(pending: PendingFetch): void {
    const { consumer, slot } = pending;
    if (!pending.parked) this.#unlink(pending);
    this.#slots[slot] = undefined;
    this.#freeSlots.push(slot);
    const own = this.#byConsumer.get(consumer);
    own?.delete(pending);
    if (own?.size === 0) this.#byConsumer.delete(consumer);
    this.#count--;
    consumer.fetches--;
  }

  /** Takes the fetches of a consumer out of the line. */
  park(consumer: Consumer): void {
    for (const pending of this.of(consumer)) {
      if (pending.parked) continue;
      this.#unlink(pending);
      pending.parked = true;
    }
  }

  /** Puts them at its end. */
  unpark(consumer: Consumer): void {
    for (const pending of this.of(consumer)) {
      if (!pending.parked) continue;
      pending.parked = false;
      this.#link(pending);
    }
  }

  #link(pending: PendingFetch): void {
    const previous = this.#tail;
    pending.previous = previous;
    pending.next = undefined;
    if (previous === undefined) this.#head = pending;
    else previous.next = pending;
    this.#tail = pending;
  }

  #unlink(pending: PendingFetch): void {
    const { next, previous } = pending;
    if (previous === undefined) this.#head = next;
    else previous.next = next;
    if (next === undefined) this.#tail = previous;
    else next.previous = previous;
  }
}
