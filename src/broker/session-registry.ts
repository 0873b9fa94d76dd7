// The sessions of one shard by number. Numbers are what queues on other shards know of a session, so a number that is
// given again carries another generation: an answer that comes too late finds nobody.
//
//   number = generation (11 bits) << 20 | slot (20 bits)
//
// Lives on: a shard, one.
import { BrokerError } from '../base/errors.ts';
import { SESSIONS_MAX } from '../base/limits.ts';
import type { QueueRoute, SessionSink } from '../core/broker-port.ts';

const SLOT_BITS = 20;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const GENERATION_MASK = (1 << 11) - 1;

interface Slot {
  number: number;
  sink: SessionSink | undefined;
  /** Queues this session subscribed to or fetched from: those must be told when it ends. */
  queues: Set<QueueRoute> | undefined;
}

export class SessionRegistry {
  readonly #slots: Slot[] = [];
  readonly #free: Slot[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(sink: SessionSink): number {
    const slot = this.#free.shift() ?? this.#grow();
    slot.sink = sink;
    this.#count++;
    return slot.number;
  }

  get(number: number): SessionSink | undefined {
    const slot = this.#slots[number & SLOT_MASK];
    return slot !== undefined && slot.number === number ? slot.sink : undefined;
  }

  /** Remembers that the session uses the queue. */
  uses(number: number, queue: QueueRoute): void {
    const slot = this.#slots[number & SLOT_MASK];
    if (slot === undefined || slot.number !== number) return;
    slot.queues ??= new Set();
    slot.queues.add(queue);
  }

  /** The queue is deleted: no session uses it any more. Returns those that did. */
  forget(queue: QueueRoute): SessionSink[] {
    return this.#slots.flatMap((slot) => (slot.queues?.delete(queue) && slot.sink !== undefined ? [slot.sink] : []));
  }

  /** Forgets the session and returns the queues it used. */
  remove(number: number): Iterable<QueueRoute> {
    const index = number & SLOT_MASK;
    const slot = this.#slots[index];
    if (slot === undefined || slot.number !== number) return [];
    const queues = slot.queues ?? [];
    slot.sink = undefined;
    slot.queues = undefined;
    slot.number = ((((number >>> SLOT_BITS) + 1) & GENERATION_MASK) << SLOT_BITS) | index;
    this.#free.push(slot);
    this.#count--;
    return queues;
  }

  forEach(visit: (sink: SessionSink) => void): void {
    for (const slot of this.#slots) if (slot.sink !== undefined) visit(slot.sink);
  }

  #grow(): Slot {
    if (this.#slots.length >= SESSIONS_MAX) {
      throw new BrokerError(
        'resource-exhausted',
        `Cannot open another stream: the shard has ${SESSIONS_MAX}, its limit`,
      );
    }
    const slot: Slot = { number: this.#slots.length, sink: undefined, queues: undefined };
    this.#slots.push(slot);
    return slot;
  }
}
