// Queues that come and go while the node runs, at the word of the cluster's thread:
//
//   goes    freeze -> the image is sent, the queue vanishes, its route leads to the cluster's thread
//   comes   image chunks -> the queue is built -> adopted
//   moves elsewhere in the node   route
//
// The last deliveries of a queue that goes are still under way to other shards: `quiet` follows them there and on to
// the cluster's thread, which lets the queue serve again only when it has come from all.
//
// Whoever's route changes holds what its sessions ask, sends a fence the old way, and goes on the new way when the
// fence's answer says that nothing is left on the old one. So each publisher's messages stay in order.
// Lives on: a shard, one, inside its broker. Called by: the exchange.
import { Queue } from '../core/queue.ts';
import type { QueueShared } from '../core/queue-handler.ts';
import { ImageWriter, imageOptions } from '../core/queue-image.ts';
import type { QueueImport } from '../core/queue-import.ts';
import type { RecordMemory } from '../core/record.ts';
import { HeldOperations } from './held-operations.ts';
import type { LoopTurn } from './loop-turn.ts';
import { Operation } from './operation.ts';
import type { PeerTraffic } from './peer-traffic.ts';
import type { RoutingTable, ShardQueueRoute } from './routing-table.ts';

export interface HandOverParts {
  readonly self: number;
  /** Shards of the node. */
  readonly shards: number;
  /** The cluster's thread; -1 = there is none. */
  readonly clusterThread: number;
  readonly routes: RoutingTable;
  readonly turn: LoopTurn;
  readonly traffic: PeerTraffic;
}

/** A queue that is leaving: its image is being written. */
interface Leaving {
  readonly queue: Queue;
  readonly steps: Iterator<undefined>;
}

interface Coming {
  readonly queue: Queue;
  readonly importer: QueueImport;
}

export class HandOver {
  readonly #parts: HandOverParts;
  /** Frozen queues whose messages are not all here yet: some wait for the answer of another queue. */
  readonly #freezing = new Map<number, ShardQueueRoute>();
  readonly #leaving = new Map<number, Leaving>();
  readonly #coming = new Map<number, Coming>();
  #shared!: QueueShared;
  #release!: (route: ShardQueueRoute) => void;

  constructor(parts: HandOverParts) {
    this.#parts = parts;
  }

  /** What queues of this shard share, and how held operations are carried out, exist only later. */
  connect(shared: QueueShared, release: (route: ShardQueueRoute) => void): void {
    this.#shared = shared;
    this.#release = release;
  }

  receive(operation: number, target: number, a: number, b: number, memory: RecordMemory, offset: number): void {
    const { traffic, turn } = this.#parts;
    if (operation === Operation.lane) {
      traffic.peerLane(target, a !== 0);
      return;
    }
    if (operation === Operation.throttle) {
      const waitsFor = `cluster, queue ${b}`;
      if (a !== 0) traffic.stop(target, waitsFor);
      else traffic.go(target, waitsFor);
      return;
    }
    const route = this.#parts.routes.number(target);
    if (route === undefined) return;
    turn.touch();
    if (operation === Operation.freeze) this.#freeze(route);
    else if (operation === Operation.abandon) this.#abandon(route);
    else if (operation === Operation.image) this.#image(route, b, memory, offset);
    else if (operation === Operation.route) this.#routeTo(route, a, b);
    else if (operation === Operation.quiet)
      traffic.post(this.#parts.clusterThread, Operation.quiet, target, 0, 0, 0, 0);
    else if (operation === Operation.fenceDone) this.#fenced(route);
  }

  /** A fence of `origin` has come to the place where the queue is. */
  fence(queue: number, origin: number): void {
    const { self, routes, traffic } = this.#parts;
    const route = routes.number(queue);
    if (origin !== self) traffic.post(origin, Operation.fenceDone, queue, 0, 0, 0, 0);
    else if (route !== undefined) this.#fenced(route);
  }

  /** One old way is empty; a queue that moves twice in a row has two of them. */
  #fenced(route: ShardQueueRoute): void {
    const { held } = route;
    if (held === undefined) return;
    held.fences--;
    if (held.fences > 0) return;
    this.#release(route);
    this.#routed(route, held.move);
  }

  /** A transfer of this queue was answered. */
  settled(queue: Queue): void {
    const route = this.#freezing.get(queue.number);
    if (route !== undefined) this.#freeze(route);
  }

  /** A timer of a queue that does not serve went off: of one that leaves, it will go off where that goes. */
  timer(queue: number, item: number): void {
    this.#leaving.get(queue)?.queue.forgetTimer(item);
    this.#coming.get(queue)?.queue.timer(item, this.#parts.turn.nowMs());
  }

  /** The ring to the cluster's thread has room. */
  room(): void {
    for (const number of this.#leaving.keys()) this.#write(number);
  }

  #freeze(route: ShardQueueRoute): void {
    const { actor: queue, number } = route;
    if (queue === undefined) return;
    if (!queue.isWhole) {
      queue.freeze();
      this.#freezing.set(number, route);
      return;
    }
    this.#freezing.delete(number);
    const { clusterThread, traffic, turn } = this.#parts;
    route.actor = undefined;
    route.shard = clusterThread;
    const writer = new ImageWriter((chunk) =>
      traffic.postRecord(clusterThread, Operation.image, number, 0, 0, chunk, 0),
    );
    this.#leaving.set(number, { queue, steps: queue.export(writer, turn.nowMs()) });
    this.#write(number);
  }

  /** Writes as much of an image as the ring takes. */
  #write(number: number): void {
    const leaving = this.#leaving.get(number);
    if (leaving === undefined) return;
    while (this.#parts.traffic.hasRoom(this.#parts.clusterThread)) {
      if (leaving.steps.next().done !== true) continue;
      this.#leaving.delete(number);
      leaving.queue.vanish();
      this.#quiet(number);
      return;
    }
  }

  #routed(route: ShardQueueRoute, move: number): void {
    const { clusterThread, traffic } = this.#parts;
    traffic.post(clusterThread, Operation.routed, route.number, 0, move, 0, 0);
  }

  #quiet(queue: number): void {
    const { self, shards, traffic } = this.#parts;
    for (let shard = 0; shard < shards; shard++) {
      if (shard !== self) traffic.post(shard, Operation.quiet, queue, 0, 0, 0, 0);
    }
  }

  #image(route: ShardQueueRoute, move: number, memory: RecordMemory, offset: number): void {
    const { turn } = this.#parts;
    let coming = this.#coming.get(route.number);
    if (coming === undefined) {
      const queue = new Queue(route.number, imageOptions(memory, offset), this.#shared, turn.nowMs());
      coming = { queue, importer: queue.importer((address) => address, turn.nowMs()) };
      this.#coming.set(route.number, coming);
    }
    if (!coming.importer.add(memory, offset)) return;
    this.#coming.delete(route.number);
    this.#adopt(route, coming.queue, move);
  }

  /** What has come of an image is worth nothing: the rest will never come. */
  #abandon({ number }: ShardQueueRoute): void {
    this.#coming.get(number)?.queue.vanish();
    this.#coming.delete(number);
  }

  /** The queue serves here. The sessions of this shard still go by way of the cluster's thread until it is fenced. */
  #adopt(route: ShardQueueRoute, queue: Queue, move: number): void {
    const { self, clusterThread, traffic } = this.#parts;
    route.actor = queue;
    // Told first: what the cluster's thread has kept for the queue comes before the answer to the fence.
    traffic.post(clusterThread, Operation.adopted, route.number, 0, 0, 0, 0);
    this.#routeTo(route, self, move);
    queue.serve(this.#parts.turn.nowMs());
  }

  #routeTo(route: ShardQueueRoute, thread: number, move: number): void {
    const old = route.shard;
    if (old === thread) {
      if (route.held === undefined) this.#routed(route, move);
      else route.held.move = move;
      return;
    }
    route.shard = thread;
    route.held ??= new HeldOperations();
    route.held.fences++;
    route.held.move = move;
    this.#parts.traffic.post(old, Operation.fence, route.number, 0, 0, 0, 0);
  }
}
