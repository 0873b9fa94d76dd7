// What a session may ask of the broker on its shard, and what the broker tells a session. Sessions know no queue, ring
// or thread: a queue of the same shard and one at the other end of the cluster look alike through these two interfaces.
import type { RecordMemory } from './record.ts';

/** One queue as sessions see it: enough to address it and to name it in a message's meta. */
export interface QueueRoute {
  /** Number of the queue, the same on every thread of the node, never reused while the node runs. */
  readonly number: number;
  readonly name: string;
  /** Prefetch for a consumer that asks for none. */
  readonly prefetchCount: number;
  /** Fields 2 (queue) and 3 (shard) of hsmq's MessageMeta, encoded once. */
  readonly metaSuffix: Buffer;
}

/** All queues bound to one topic; never empty. */
export interface TopicRoute {
  readonly queues: readonly QueueRoute[];
}

/**
 * The shard's broker, as its sessions use it. Calls take effect at once for local queues, and in order for remote ones.
 */
export interface BrokerPort {
  /** Time of this loop turn, ms since the epoch. */
  nowMs(): number;
  /** The queues bound to a topic; undefined when there are none. */
  topic(name: string): TopicRoute | undefined;
  queue(name: string): QueueRoute | undefined;
  /** Changes whenever a route may have changed: sessions drop what they cached. */
  readonly routesVersion: number;
  /** Memory to assemble one record in, at offset 0; valid until the next call. */
  recordMemory(size: number): RecordMemory;
  /** Writes a new message id as four words at `words[to]`. */
  nextId(words: Int32Array, to: number): void;

  /** The node drains: new sessions send their client elsewhere, if it said where. */
  readonly draining: boolean;

  open(sink: SessionSink): number;
  /** The session is gone: what it held unacked goes back to its queues. */
  close(session: number): void;

  /**
   * Publishes the record at offset 0 of `memory` to every queue of the route. Returns how many queues have not answered
   * yet; each of them answers through SessionSink.confirmed. The worst result of those that did is in `publishResult`,
   * and the queue it came from in `publishQueue`. `publish` -1 = nobody waits for a confirm.
   */
  publish(session: number, publish: number, route: TopicRoute, memory: RecordMemory): number;
  readonly publishResult: number;
  readonly publishQueue: QueueRoute | undefined;

  subscribe(session: number, queue: QueueRoute, prefetch: number): void;
  /** Settles the delivery of the message with the id at `id[from..from+3]`. Unknown ids are harmless. */
  ack(session: number, queue: QueueRoute, id: Int32Array, from: number): void;
  requeue(session: number, queue: QueueRoute, id: Int32Array, from: number): void;
  fetch(session: number, queue: QueueRoute, fetch: number, timeoutMs: number): void;
}

/** What the broker tells a session. Every call may come in the middle of a call of the session to the broker. */
export interface SessionSink {
  /** A message for this session; the record is valid only during the call. `fetch` -1 = from a subscription. */
  delivered(queue: QueueRoute, memory: RecordMemory, offset: number, fetch: number): void;
  /** One queue answered a publish; `result` is a PublishResult. */
  confirmed(publish: number, result: number, queue: QueueRoute | undefined): void;
  fetchTimedOut(queue: QueueRoute | undefined, fetch: number): void;
  /** A queue of this session was deleted. */
  queueDeleted(queue: QueueRoute): void;
  /** Stop or go on reading from the client: rings to other shards are full, or have room again. */
  throttle(on: boolean): void;
  /** The node drains: publishes are refused from now on, deliveries go on. */
  drain(): void;
  /** The node stops now. */
  stop(): void;
}
