// What the three sides of a move (move-out.ts, move-in.ts, moves.ts) share: their ports, and how a node's shards are
// steered.
// Lives on: the cluster's thread.
import { Operation } from '../../src/broker/operation.ts';
import type { QueueOptions } from '../../src/core/queue-options.ts';
import type { NodeId } from '../placement/ring.ts';
import { writeNote } from './note.ts';
import type { Relay } from './relay.ts';
import type { RelayEvents, RelayLinks, RelayRings } from './relay-ports.ts';
import type { RelayQueue } from './relay-queue.ts';

export interface MovesOptions {
  readonly self: NodeId;
  readonly shards: number;
  readonly relay: Relay;
  readonly rings: RelayRings;
  readonly links: RelayLinks;
  readonly events: RelayEvents;
  /** The shard of this node that a queue belongs to. */
  readonly shardOf: (queue: string) => number;
  /** The declaration of a queue. */
  readonly optionsOf: (queue: number) => QueueOptions;
}

export interface PrepareNote {
  readonly options: QueueOptions;
  readonly epoch: number;
}

export interface ReadyNote {
  readonly name: string;
  readonly number: number;
}

export interface RefuseNote {
  readonly name: string;
  readonly reason: string;
}

export interface NameNote {
  readonly name: string;
}

export interface FinalNote {
  readonly edges: readonly NodeId[];
}

export interface TellNote {
  readonly name: string;
  readonly node: NodeId;
}

export interface GoNote {
  readonly name: string;
  readonly number: number;
  readonly epoch: number;
}

export class MoveParts {
  readonly options: MovesOptions;
  /** Number of the last move of each queue, until all shards have followed it. */
  readonly #moves = new Map<RelayQueue, number>();
  #lastMove = 0;

  constructor(options: MovesOptions) {
    this.options = options;
  }

  nextMove(): number {
    return ++this.#lastMove;
  }

  post(node: NodeId, operation: number, target: number, note: object): void {
    this.options.links.post(node, operation, target, 0, 0, 0, 0, 0, writeNote(note), 0);
  }

  /** All shards but the owner send to `thread` from now on; `more` of them will say `routed` unasked. */
  routeShards(queue: RelayQueue, route: { thread: number; owner: number; move: number; more: number }): void {
    const { rings, shards } = this.options;
    this.#moves.set(queue, route.move);
    queue.unrouted = shards - 1 + route.more;
    for (let shard = 0; shard < shards; shard++) {
      if (shard === route.owner) continue;
      rings.post(shard, Operation.route, queue.number, route.thread, route.move, 0, 0, 0);
    }
  }

  routed(queue: RelayQueue, move: number): void {
    if (move !== this.#moves.get(queue)) return;
    queue.unrouted--;
    if (queue.unrouted === 0) this.#moves.delete(queue);
  }

  /** Calls `onQuiet` when so many shards have said `quiet`. */
  awaitQuiet(queue: RelayQueue, shards: number, onQuiet: () => void): void {
    queue.unquiet = shards;
    queue.onQuiet = onQuiet;
    if (shards === 0) quieted(queue);
  }

  quiet(queue: RelayQueue): void {
    queue.unquiet--;
    if (queue.unquiet === 0) quieted(queue);
  }
}

function quieted(queue: RelayQueue): void {
  const { onQuiet } = queue;
  queue.onQuiet = undefined;
  onQuiet?.();
}
