// Decides which node runs which queue: by what nodes say they run, by the ring, and by who is alive. A queue changes
// its node by a move of its owner, or, when that is dead, by being made anew where the ring says.
//
//   nowhere -> somebody says it runs it -> there      -> the ring says here -> made here
//   here    -> the ring says another node -> move
//   there   -> its node is dead -> nowhere
//
// Lives on: the cluster's thread, one. Pure: looked at by tick().
import { emptyImage } from '../../src/core/queue-image.ts';
import type { QueueOptions } from '../../src/core/queue-options.ts';
import { OWNERSHIP_LIMITS } from '../limits.ts';
import type { Placement } from '../placement/placement.ts';
import type { NodeId } from '../placement/ring.ts';
import type { QueueRecord } from '../routes/queue-record.ts';
import type { QueueClaim } from '../routes/route-view.ts';
import type { Moves } from './moves.ts';
import type { Relay } from './relay.ts';
import type { RelayQueue } from './relay-queue.ts';

export interface OwnershipOptions {
  readonly self: NodeId;
  readonly relay: Relay;
  readonly moves: Moves;
  readonly placement: Placement;
  readonly claim: (queue: string) => QueueClaim | undefined;
  /** Whether the node can be reached now. */
  readonly isAlive: (node: NodeId) => boolean;
  readonly optionsOf: (queue: number) => QueueOptions;
  readonly onPlaced: (queue: RelayQueue) => void;
  /** The owner died with what it had. */
  readonly onLost: (queue: RelayQueue, node: NodeId) => void;
}

export class Ownership {
  readonly #options: OwnershipOptions;
  /** Queues to look at; all of them when members have changed. */
  readonly #open = new Set<RelayQueue>();
  /** Last owner that died, by queue. */
  readonly #orphaned = new Map<RelayQueue, NodeId>();
  #readyAtMs = Number.POSITIVE_INFINITY;
  movesDone = 0;
  readonly lost: string[] = [];

  constructor(options: OwnershipOptions) {
    this.#options = options;
  }

  /** From then on queues that nobody runs are made: before, others may just not have been heard. */
  ready(atMs: number): void {
    this.#readyAtMs = atMs;
  }

  look(queue: RelayQueue): void {
    this.#open.add(queue);
  }

  lookAtAll(): void {
    for (const queue of this.#options.relay.queues()) this.#open.add(queue);
  }

  /** A node is dead: what it ran is nowhere. */
  died(node: NodeId): void {
    for (const queue of this.#options.relay.queues()) {
      if (queue.place.kind !== 'there' || queue.place.node !== node) continue;
      this.#options.relay.placeNowhere(queue);
      this.#orphaned.set(queue, node);
      this.#open.add(queue);
    }
  }

  /** The queue serves here. */
  owned(queue: RelayQueue): void {
    this.#orphaned.delete(queue);
    this.#open.add(queue);
  }

  tick(nowMs: number): void {
    if (nowMs < this.#readyAtMs) return;
    for (const queue of [...this.#open]) {
      if (this.#isSettled(queue)) this.#open.delete(queue);
    }
  }

  /** Queues with the node that runs them. */
  *loads(): Generator<{ name: string; node: NodeId; messages: number; bytes: number }> {
    const { relay, self } = this.#options;
    for (const { name, place } of relay.queues()) {
      const node = place.kind === 'here' ? self : place.kind === 'there' ? place.node : undefined;
      if (node !== undefined) yield { name, node, messages: 0, bytes: 0 };
    }
  }

  #isSettled(queue: RelayQueue): boolean {
    const { relay, moves } = this.#options;
    if (relay.queue(queue.number) !== queue) return true;
    if (moves.isMoving(queue)) return false;
    switch (queue.place.kind) {
      case 'here':
        return this.#settleHere(queue);
      case 'there':
        return this.#settleThere(queue, queue.place.node);
      case 'nowhere':
        return this.#settleNowhere(queue);
      default:
        return true;
    }
  }

  #settleHere(queue: RelayQueue): boolean {
    const { self, placement, moves, isAlive } = this.#options;
    const wanted = placement.nodeOf(queue.name);
    if (wanted === undefined || wanted === self || !isAlive(wanted)) return true;
    if (moves.outgoing < OWNERSHIP_LIMITS.movesMax && moves.start(queue, wanted)) this.movesDone++;
    return false;
  }

  #settleThere(queue: RelayQueue, node: NodeId): boolean {
    const { isAlive, relay } = this.#options;
    const claim = this.#claim(queue);
    // Who leaves tells its edges itself; an owner that nobody has told us of is found by what it says.
    if (claim !== undefined && claim.target.origin !== node && claim.record.epoch > queue.epoch && !isAlive(node)) {
      relay.placeNowhere(queue);
      return false;
    }
    return true;
  }

  #settleNowhere(queue: RelayQueue): boolean {
    const { self, relay, placement, moves, optionsOf, onLost } = this.#options;
    const claim = this.#claim(queue);
    if (claim !== undefined) {
      this.#orphaned.delete(queue);
      queue.epoch = claim.record.epoch;
      relay.placeThere(queue, claim.target.origin, claim.record.number);
      relay.restate(queue);
      this.#options.onPlaced(queue);
      return true;
    }
    if (placement.nodeOf(queue.name) !== self) return false;
    const lostWith = this.#orphaned.get(queue);
    if (lostWith !== undefined) {
      this.lost.push(queue.name);
      if (this.lost.length > OWNERSHIP_LIMITS.lostNamesMax) this.lost.shift();
      onLost(queue, lostWith);
    }
    moves.create(queue, queue.epoch + 1, emptyImage(optionsOf(queue.number)));
    return false;
  }

  /** What a node that can be reached says of the queue. */
  #claim(queue: RelayQueue): QueueClaim | undefined {
    const claim = this.#options.claim(queue.name);
    if (claim === undefined || claim.target.isParked) return undefined;
    return this.#options.isAlive(claim.target.origin) && claim.record.epoch >= queue.epoch ? claim : undefined;
  }
}

/** The options of a queue as a peer tells them. */
export function optionsOfRecord(record: QueueRecord): QueueOptions {
  return JSON.parse(String(record.options.get('json'))) as QueueOptions;
}

/** What this node says of a queue that it runs. */
export function recordOf(
  options: QueueOptions,
  place: { readonly number: number; readonly shard: number; readonly epoch: number },
): QueueRecord {
  const { name, topics, prefetchCount } = options;
  return { name, topics, prefetchCount, ...place, options: new Map([['json', JSON.stringify(options)]]) };
}
