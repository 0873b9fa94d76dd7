// Who takes messages of one queue. A consumer has a credit (its prefetch): the messages of its subscription that it may
// have unacked. Those with credit left stand in a ring and take turns, so choosing the next one is one step whatever
// their number. A session that only fetches is here too while it has unacked messages, so that they come back when it
// dies, and so is a publisher while it waits for room.
// Lives on: a shard, one per queue.
import { assert } from '../base/assert.ts';
import type { Lane } from './lane.ts';
import { PeerList } from './message-list.ts';

export class Consumer {
  readonly address: number;
  /** Its place in Consumers, kept in the rows of its messages. */
  readonly slot: number;
  /** The way to it. */
  readonly lane: Lane;
  /** All it has in flight, in order of delivery. */
  readonly held = new PeerList();
  /** Its publishes that wait for room. */
  readonly blocked = new PeerList();
  prefetch = 0;
  subscribed = false;
  /** Passed over until its lane opens. */
  suspended = false;
  /** How many of `held` came by subscription and take credit. */
  used = 0;
  /** Fetches that wait. */
  fetches = 0;
  next: Consumer | undefined;
  previous: Consumer | undefined;

  constructor(address: number, slot: number, lane: Lane) {
    this.address = address;
    this.slot = slot;
    this.lane = lane;
  }
}

export class Consumers {
  readonly #byAddress = new Map<number, Consumer>();
  readonly #laneOf: (address: number) => Lane;
  readonly #slots: (Consumer | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  #subscribed = 0;
  /** The one in the ring whose turn it is; undefined = nobody has credit. */
  turn: Consumer | undefined;

  constructor(laneOf: (address: number) => Lane) {
    this.#laneOf = laneOf;
  }

  /** Consumers with a subscription. */
  get count(): number {
    return this.#subscribed;
  }

  find(address: number): Consumer | undefined {
    return this.#byAddress.get(address);
  }

  at(slot: number): Consumer {
    const consumer = this.#slots[slot];
    assert(consumer !== undefined, 'a message in flight has a consumer');
    return consumer;
  }

  /** The consumer of an address, which is made when it is not known. */
  obtain(address: number): Consumer {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const slot = this.#freeSlots.pop() ?? this.#slots.length;
    const consumer = new Consumer(address, slot, this.#laneOf(address));
    this.#slots[slot] = consumer;
    this.#byAddress.set(address, consumer);
    return consumer;
  }

  subscribe(consumer: Consumer, prefetch: number): void {
    if (!consumer.subscribed) this.#subscribed++;
    consumer.subscribed = true;
    consumer.prefetch = prefetch;
    this.#settleTurn(consumer);
  }

  unsubscribe(consumer: Consumer): void {
    if (!consumer.subscribed) return;
    this.#subscribed--;
    consumer.subscribed = false;
    this.#settleTurn(consumer);
  }

  suspend(consumer: Consumer, suspended: boolean): void {
    consumer.suspended = suspended;
    this.#settleTurn(consumer);
  }

  /** One message of the subscription goes out; the turn passes to the next. */
  take(consumer: Consumer): void {
    consumer.used++;
    if (consumer === this.turn) this.turn = consumer.next;
    if (consumer.used >= consumer.prefetch) this.#leaveRing(consumer);
  }

  /** The credit of one message comes back. */
  giveBack(consumer: Consumer): void {
    consumer.used--;
    if (consumer.next === undefined) this.#settleTurn(consumer);
  }

  /** Forgets a consumer that has nothing to do with the queue any more. */
  forgetIdle(consumer: Consumer): void {
    if (consumer.subscribed || consumer.fetches > 0) return;
    if (consumer.held.length > 0 || consumer.blocked.length > 0) return;
    if (this.#slots[consumer.slot] !== consumer) return;
    this.#slots[consumer.slot] = undefined;
    this.#freeSlots.push(consumer.slot);
    this.#byAddress.delete(consumer.address);
  }

  *[Symbol.iterator](): Generator<Consumer> {
    yield* this.#byAddress.values();
  }

  /** Puts the consumer into the ring or takes it out, as its credit says. */
  #settleTurn(consumer: Consumer): void {
    const wants = consumer.subscribed && !consumer.suspended && consumer.used < consumer.prefetch;
    if (wants && consumer.next === undefined) this.#enterRing(consumer);
    else if (!wants && consumer.next !== undefined) this.#leaveRing(consumer);
  }

  /** Enters behind all others: its turn is the last. */
  #enterRing(consumer: Consumer): void {
    const turn = this.turn;
    if (turn === undefined) {
      consumer.next = consumer;
      consumer.previous = consumer;
      this.turn = consumer;
      return;
    }
    const last = turn.previous as Consumer;
    consumer.previous = last;
    consumer.next = turn;
    last.next = consumer;
    turn.previous = consumer;
  }

  #leaveRing(consumer: Consumer): void {
    const next = consumer.next as Consumer;
    const previous = consumer.previous as Consumer;
    if (next === consumer) this.turn = undefined;
    else {
      previous.next = next;
      next.previous = previous;
      if (this.turn === consumer) this.turn = next;
    }
    consumer.next = undefined;
    consumer.previous = undefined;
  }
}
