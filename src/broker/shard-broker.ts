// The broker of one shard: what sessions ask goes to the queue at once when it lives here, and over a ring when it
// lives on another shard; what queues say goes to a session here, or over a ring to the session's shard.
//
//   session -> publish/subscribe/ack/... -> [local queue] or [ring -> exchange of the owner's shard]
//   queue   -> deliver/unblocked/...     -> [local session] or [ring -> exchange of the session's shard]
//
// Lives on: a shard, one. Called by: sessions (BrokerPort), queues (QueueHandler), the shard's control.

import type { UuidSource } from '../base/uuid.ts';
import type { BrokerPort, QueueRoute, SessionSink, TopicRoute } from '../core/broker-port.ts';
import { Lane } from '../core/lane.ts';
import { isRefused, PublishResult } from '../core/publish-result.ts';
import type { Queue } from '../core/queue.ts';
import type { QueueHandler, QueueShared, TransferAnswer } from '../core/queue-handler.ts';
import { RecordMemory } from '../core/record.ts';
import { addressOf, originOf, sessionOf } from './address.ts';
import { BrokerCounters } from './broker-counters.ts';
import { Exchange, heldName } from './exchange.ts';
import { HandOver } from './hand-over.ts';
import type { LoopTurn } from './loop-turn.ts';
import { Operation } from './operation.ts';
import { PeerTraffic } from './peer-traffic.ts';
import type { ShardPeers } from './ports.ts';
import { isHere, type QueueHere, type RoutingTable, type ShardQueueRoute } from './routing-table.ts';
import { SessionRegistry } from './session-registry.ts';
import { Transfers } from './transfers.ts';

/** First size of the memory a publish is assembled in; grows to the largest record seen. */
const RECORD_MEMORY_BYTES = 64 * 1024;

export interface ShardBrokerOptions {
  /** Index of this shard. */
  readonly self: number;
  /** Shards of the node. */
  readonly shards: number;
  /** The thread that leads to other nodes, when there is one. */
  readonly clusterThread?: number;
  readonly routes: RoutingTable;
  readonly turn: LoopTurn;
  readonly ids: UuidSource;
  /** Called when a dynamic queue of this shard has been idle for its time to live. */
  readonly onIdle: (queue: Queue) => void;
}

export class ShardBroker implements BrokerPort, QueueHandler {
  readonly counters = new BrokerCounters();
  readonly sessions = new SessionRegistry();
  /** What comes from other threads. */
  readonly exchange: Exchange;
  readonly handOver: HandOver;
  draining = false;
  publishResult: number = PublishResult.accepted;
  publishQueue: QueueRoute | undefined;
  readonly #self: number;
  readonly #base: number;
  readonly #routes: RoutingTable;
  readonly #turn: LoopTurn;
  readonly #ids: UuidSource;
  readonly #onIdle: (queue: Queue) => void;
  readonly #traffic: PeerTraffic;
  readonly #transfers: Transfers;
  /** The way to the sessions of this shard. */
  readonly #home = new Lane();
  #memory = new RecordMemory(new ArrayBuffer(RECORD_MEMORY_BYTES));

  constructor(options: ShardBrokerOptions) {
    this.#self = options.self;
    this.#base = addressOf(options.self, 0);
    this.#routes = options.routes;
    this.#turn = options.turn;
    this.#ids = options.ids;
    this.#onIdle = options.onIdle;
    const { self, turn, routes } = options;
    const { sessions, counters } = this;
    const clusterThread = options.clusterThread ?? -1;
    this.#traffic = new PeerTraffic({ turn, sessions, clusterThread });
    this.#transfers = new Transfers(this.#traffic);
    const { shards } = options;
    this.handOver = new HandOver({ self, shards, clusterThread, routes, turn, traffic: this.#traffic });
    const [traffic, transfers, handOver] = [this.#traffic, this.#transfers, this.handOver];
    this.exchange = new Exchange({ self, routes, turn, sessions, counters, traffic, transfers, handOver });
  }

  /** The broker needs the mailbox, and its queues' shared parts, which both need it: they are given once they exist. */
  connect(peers: ShardPeers, shared: QueueShared): void {
    this.#traffic.connect(peers);
    this.handOver.connect(shared, (route) => this.exchange.release(route));
  }

  // BrokerPort: what sessions ask.

  get routesVersion(): number {
    return this.#routes.version;
  }

  nowMs(): number {
    return this.#turn.nowMs();
  }

  topic(name: string): TopicRoute | undefined {
    return this.#routes.topic(name);
  }

  queue(name: string): QueueRoute | undefined {
    return this.#routes.name(name);
  }

  recordMemory(size: number): RecordMemory {
    if (size > this.#memory.bytes.length)
      this.#memory = new RecordMemory(new ArrayBuffer(2 ** Math.ceil(Math.log2(size))));
    return this.#memory;
  }

  nextId(words: Int32Array, to: number): void {
    this.#ids.next(this.#turn.nowMs(), words, to);
  }

  /** Publishes are refused from now on; every session tells its client. */
  drain(): void {
    this.draining = true;
    this.sessions.forEach((session) => {
      session.drain();
    });
  }

  open(sink: SessionSink): number {
    return this.sessions.add(sink);
  }

  close(session: number): void {
    this.#traffic.forget(session);
    const nowMs = this.#turn.nowMs();
    for (const used of this.sessions.remove(session)) {
      const queue = used as ShardQueueRoute;
      if (isHere(queue)) queue.actor.unsubscribe(this.#base + session, nowMs);
      else this.#away(queue, -1, Operation.unsubscribe, session, 0, 0, 0);
    }
  }

  publish(session: number, publish: number, route: TopicRoute, memory: RecordMemory): number {
    this.publishResult = PublishResult.accepted;
    this.publishQueue = undefined;
    const queues = route.queues;
    let waiting = 0;
    for (let index = 0; index < queues.length; index++) {
      const queue = queues[index] as ShardQueueRoute;
      const result = isHere(queue)
        ? this.#publishHere(queue, session, publish, memory)
        : this.#publishThere(queue, session, publish, memory);
      if (result === PublishResult.blocked) waiting++;
      else if (result !== PublishResult.accepted && !isRefused(this.publishResult)) {
        this.publishResult = result;
        this.publishQueue = queue;
      }
    }
    if (isRefused(this.publishResult)) this.counters.publishErrors++;
    else this.counters.publishes++;
    return publish < 0 ? 0 : waiting;
  }

  #publishHere(queue: QueueHere, session: number, publish: number, memory: RecordMemory): number {
    const address = publish < 0 ? -1 : this.#base + session;
    const result = queue.actor.publish(memory, 0, address, publish, this.#turn.nowMs());
    if (result === PublishResult.blocked) this.sessions.uses(session, queue);
    return result;
  }

  #publishThere(queue: ShardQueueRoute, session: number, publish: number, memory: RecordMemory): number {
    if (queue.held !== undefined) {
      queue.held.addRecord(this.#self, Operation.publish, session, publish, memory, 0);
      this.#traffic.stop(session, heldName(queue.number));
    } else if (queue.shard === this.#self) return PublishResult.gone;
    else {
      this.#traffic.postRecord(queue.shard, Operation.publish, queue.number, session, publish, memory, 0);
      this.#traffic.throttle(session, queue.shard);
    }
    return publish < 0 ? PublishResult.accepted : PublishResult.blocked;
  }

  subscribe(session: number, route: QueueRoute, prefetch: number): void {
    // A session may end in the middle of its own request: nobody would take its consumer back.
    if (this.sessions.get(session) === undefined) return;
    this.sessions.uses(session, route);
    const queue = route as ShardQueueRoute;
    if (isHere(queue)) queue.actor.subscribe(this.#base + session, prefetch, this.#turn.nowMs());
    else this.#away(queue, session, Operation.subscribe, session, prefetch, 0, 0);
  }

  ack(session: number, route: QueueRoute, id: Int32Array, from: number): void {
    const queue = route as ShardQueueRoute;
    const [id0, id1, id2, id3] = [id[from], id[from + 1], id[from + 2], id[from + 3]];
    if (isHere(queue)) queue.actor.ack(id0, id1, id2, id3, this.#turn.nowMs());
    else this.#away(queue, session, Operation.ack, id0, id1, id2, id3);
  }

  requeue(session: number, route: QueueRoute, id: Int32Array, from: number): void {
    const queue = route as ShardQueueRoute;
    const [id0, id1, id2, id3] = [id[from], id[from + 1], id[from + 2], id[from + 3]];
    if (isHere(queue)) queue.actor.requeue(id0, id1, id2, id3, this.#turn.nowMs());
    else this.#away(queue, session, Operation.requeue, id0, id1, id2, id3);
  }

  fetch(session: number, route: QueueRoute, fetch: number, timeoutMs: number): void {
    if (this.sessions.get(session) === undefined) return;
    this.sessions.uses(session, route);
    const queue = route as ShardQueueRoute;
    if (isHere(queue)) queue.actor.fetch(this.#base + session, fetch, timeoutMs, false, this.#turn.nowMs());
    else this.#away(queue, session, Operation.fetch, session, fetch, timeoutMs, 0);
  }

  /** What a session asks of a queue that is elsewhere, or on its way; session -1 = of one that has ended. */
  #away(queue: ShardQueueRoute, session: number, operation: number, a: number, b: number, c: number, d: number): void {
    if (queue.held !== undefined) {
      queue.held.add(this.#self, operation, a, b, c, d);
      if (session >= 0) this.#traffic.stop(session, heldName(queue.number));
    } else if (queue.shard !== this.#self) {
      this.#traffic.post(queue.shard, operation, queue.number, a, b, c, d);
      if (session >= 0) this.#traffic.throttle(session, queue.shard);
    }
  }

  /** The way to the consumer of an address. */
  laneOf(address: number): Lane {
    const origin = originOf(address);
    return origin === this.#self ? this.#home : this.#traffic.laneOf(origin);
  }

  // QueueHandler: what queues of this shard say.

  deliver(queue: Queue, address: number, message: number, fetch: number): void {
    const memory = queue.messages.memory(message);
    const offset = queue.messages.offset(message);
    const session = address - this.#base;
    if (session >= 0 && session < 2 ** 32) {
      const route = this.#routes.number(queue.number);
      const sink = this.sessions.get(session);
      if (route === undefined || sink === undefined) return;
      this.counters.deliveries++;
      sink.delivered(route, memory, offset, fetch);
      return;
    }
    const origin = originOf(address);
    this.#traffic.postRecord(origin, Operation.deliver, sessionOf(address), queue.number, fetch, memory, offset);
    this.#traffic.checkRoom(origin);
  }

  fetchTimedOut(queue: Queue, address: number, fetch: number): void {
    const [origin, session] = [originOf(address), sessionOf(address)];
    if (origin === this.#self) this.sessions.get(session)?.fetchTimedOut(this.#routes.number(queue.number), fetch);
    else this.#traffic.post(origin, Operation.fetchTimeout, session, queue.number, fetch, 0, 0);
  }

  unblocked(queue: Queue, address: number, publish: number, result: number): void {
    const [origin, session] = [originOf(address), sessionOf(address)];
    if (origin === this.#self)
      this.sessions.get(session)?.confirmed(publish, result, this.#routes.number(queue.number));
    else this.#traffic.post(origin, Operation.confirm, session, publish, result, queue.number, 0);
  }

  deadLetter(queue: Queue, message: number): TransferAnswer {
    return this.transfer(queue, message, queue.options.deadLetterQueue);
  }

  /** The queue was deleted: nothing of it is kept. */
  forget(queue: Queue): void {
    this.#transfers.forget(queue);
  }

  idle(queue: Queue): void {
    this.#onIdle(queue);
  }

  /**
   * Hands a message to another queue of the node. One on another shard answers later: through Queue.transferred(), and
   * then to `onAnswer`.
   */
  transfer(queue: Queue, message: number, to: string, onAnswer?: (taken: boolean) => void): TransferAnswer {
    const target = this.#routes.name(to);
    if (target === undefined) return 'refused';
    if (!isHere(target)) {
      if (target.shard === this.#self) return 'refused';
      this.#transfers.start(queue, message, target, onAnswer);
      return 'later';
    }
    const [memory, offset] = [queue.messages.memory(message), queue.messages.offset(message)];
    const result = target.actor.publish(memory, offset, -1, -1, this.#turn.nowMs());
    return isRefused(result) ? 'refused' : 'taken';
  }
}
