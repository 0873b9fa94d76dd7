// A shard's own copy of "which queue, where": by name, by number, and by bound topic. Changed only by commands of the
// main thread, which is the single writer; read on every publish. Topic routes are replaced, never changed, so whoever
// holds one from before a change still has a consistent one.
// Lives on: a shard, one.
import type { QueueRoute, TopicRoute } from '../core/broker-port.ts';
import type { Queue } from '../core/queue.ts';
import type { HeldOperations } from './held-operations.ts';

/** A queue as its shard's broker sees it. Where it lives may change, so that sessions may keep the object. */
export interface ShardQueueRoute extends QueueRoute {
  readonly topics: readonly string[];
  /** The thread to send to: its shard, or that which leads to other nodes. */
  shard: number;
  /** There when the queue lives on this shard. */
  actor: Queue | undefined;
  /** What sessions of this shard ask while the queue changes its place. */
  held: HeldOperations | undefined;
}

/** A queue of this shard that its sessions may call. */
export type QueueHere = ShardQueueRoute & { readonly actor: Queue };

export function isHere(queue: ShardQueueRoute): queue is QueueHere {
  return queue.actor !== undefined && queue.held === undefined;
}

export class RoutingTable {
  readonly #byName = new Map<string, ShardQueueRoute>();
  readonly #byNumber = new Map<number, ShardQueueRoute>();
  readonly #byTopic = new Map<string, TopicRoute>();
  #version = 0;

  get version(): number {
    return this.#version;
  }

  get queueCount(): number {
    return this.#byName.size;
  }

  add(route: ShardQueueRoute): void {
    this.#byName.set(route.name, route);
    this.#byNumber.set(route.number, route);
    for (const topic of new Set(route.topics)) {
      const before = this.#byTopic.get(topic)?.queues ?? [];
      this.#byTopic.set(topic, { queues: [...before, route] });
    }
    this.#version++;
  }

  remove(number: number): ShardQueueRoute | undefined {
    const route = this.#byNumber.get(number);
    if (route === undefined) return undefined;
    this.#byNumber.delete(number);
    this.#byName.delete(route.name);
    for (const topic of route.topics) {
      const queues = this.#byTopic.get(topic)?.queues.filter((queue) => queue !== route) ?? [];
      if (queues.length === 0) this.#byTopic.delete(topic);
      else this.#byTopic.set(topic, { queues });
    }
    this.#version++;
    return route;
  }

  name(name: string): ShardQueueRoute | undefined {
    return this.#byName.get(name);
  }

  number(number: number): ShardQueueRoute | undefined {
    return this.#byNumber.get(number);
  }

  topic(name: string): TopicRoute | undefined {
    return this.#byTopic.get(name);
  }

  /** The queues that live on this shard. */
  *local(): Generator<Queue> {
    for (const route of this.#byNumber.values()) if (route.actor !== undefined) yield route.actor;
  }
}
