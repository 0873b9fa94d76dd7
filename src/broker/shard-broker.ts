// The broker of one shard: what sessions ask goes to the queue at once when it lives here, and over a ring when it
// lives on another shard; what queues say goes to a session here, or over a ring to the session's shard.
//
//   session -> publish/subscribe/ack/... -> [local queue] or [ring -> receive() on the owner's shard]
//   queue   -> deliver/unblocked/...     -> [local session] or [ring -> receive() on the session's shard]
//
// A session's address, known to queues on every shard, is shard * 2^32 + session number.
// Lives on: a shard, one. Called by: sessions (BrokerPort), queues (QueueHandler), the mailbox, the shard's control.

import type { UuidSource } from '../base/uuid.ts';
import type { BrokerPort, QueueRoute, SessionSink, TopicRoute } from '../core/broker-port.ts';
import { Lane } from '../core/lane.ts';
import { isRefused, PublishResult } from '../core/publish-result.ts';
import type { Queue } from '../core/queue.ts';
import type { QueueHandler, TransferAnswer } from '../core/queue-handler.ts';
import { RecordMemory } from '../core/record.ts';
import { BrokerCounters } from './broker-counters.ts';
import type { LoopTurn } from './loop-turn.ts';
import { Operation, TRANSFER_SESSION } from './operation.ts';
import { PeerTraffic } from './peer-traffic.ts';
import type { ShardPeers } from './ports.ts';
import type { RoutingTable, ShardQueueRoute } from './routing-table.ts';
import { SessionRegistry } from './session-registry.ts';
import { Transfers } from './transfers.ts';

const ADDRESS_SHARD = 2 ** 32;
/** First size of the memory a publish is assembled in; grows to the largest record seen. */
const RECORD_MEMORY_BYTES = 64 * 1024;

export interface ShardBrokerOptions {
  /** Index of this shard. */
  readonly self: number;
  readonly routes: RoutingTable;
  readonly turn: LoopTurn;
  readonly ids: UuidSource;
  /** Called when a dynamic queue of this shard has been idle for its time to live. */
  readonly onIdle: (queue: Queue) => void;
}

export class ShardBroker implements BrokerPort, QueueHandler {
  readonly counters = new BrokerCounters();
  readonly sessions = new SessionRegistry();
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
    this.#base = options.self * ADDRESS_SHARD;
    this.#routes = options.routes;
    this.#turn = options.turn;
    this.#ids = options.ids;
    this.#onIdle = options.onIdle;
    this.#traffic = new PeerTraffic(options.turn, this.sessions);
    this.#transfers = new Transfers(this.#traffic);
  }

  /** Broker and mailbox need each other: the mailbox is given once it exists. */
  connect(peers: ShardPeers): void {
    this.#traffic.connect(peers);
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
    for (const queue of this.sessions.remove(session)) {
      const { actor, shard, number } = queue as ShardQueueRoute;
      if (shard !== this.#self) this.#traffic.post(shard, Operation.unsubscribe, number, session, 0, 0, 0);
      else actor?.unsubscribe(this.#base + session, nowMs);
    }
  }

  publish(session: number, publish: number, route: TopicRoute, memory: RecordMemory): number {
    this.publishResult = PublishResult.accepted;
    this.publishQueue = undefined;
    const queues = route.queues;
    let waiting = 0;
    for (let index = 0; index < queues.length; index++) {
      const queue = queues[index] as ShardQueueRoute;
      const result =
        queue.shard === this.#self
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

  #publishHere(queue: ShardQueueRoute, session: number, publish: number, memory: RecordMemory): number {
    if (queue.actor === undefined) return PublishResult.gone;
    const address = publish < 0 ? -1 : this.#base + session;
    const result = queue.actor.publish(memory, 0, address, publish, this.#turn.nowMs());
    if (result === PublishResult.blocked) this.sessions.uses(session, queue);
    return result;
  }

  #publishThere(queue: ShardQueueRoute, session: number, publish: number, memory: RecordMemory): number {
    this.#traffic.postRecord(queue.shard, Operation.publish, queue.number, session, publish, memory, 0);
    this.#traffic.throttle(session, queue.shard);
    return publish < 0 ? PublishResult.accepted : PublishResult.blocked;
  }

  subscribe(session: number, queue: QueueRoute, prefetch: number): void {
    // A session may end in the middle of its own request: nobody would take its consumer back.
    if (this.sessions.get(session) === undefined) return;
    this.sessions.uses(session, queue);
    const { actor, shard, number } = queue as ShardQueueRoute;
    if (shard !== this.#self) this.#ask(session, shard, Operation.subscribe, number, session, prefetch, 0, 0);
    else actor?.subscribe(this.#base + session, prefetch, this.#turn.nowMs());
  }

  ack(session: number, queue: QueueRoute, id: Int32Array, from: number): void {
    const { actor, shard, number } = queue as ShardQueueRoute;
    const [id0, id1, id2, id3] = [id[from], id[from + 1], id[from + 2], id[from + 3]];
    if (shard !== this.#self) this.#ask(session, shard, Operation.ack, number, id0, id1, id2, id3);
    else actor?.ack(id0, id1, id2, id3, this.#turn.nowMs());
  }

  requeue(session: number, queue: QueueRoute, id: Int32Array, from: number): void {
    const { actor, shard, number } = queue as ShardQueueRoute;
    const [id0, id1, id2, id3] = [id[from], id[from + 1], id[from + 2], id[from + 3]];
    if (shard !== this.#self) this.#ask(session, shard, Operation.requeue, number, id0, id1, id2, id3);
    else actor?.requeue(id0, id1, id2, id3, this.#turn.nowMs());
  }

  fetch(session: number, queue: QueueRoute, fetch: number, timeoutMs: number): void {
    if (this.sessions.get(session) === undefined) return;
    this.sessions.uses(session, queue);
    const { actor, shard, number } = queue as ShardQueueRoute;
    if (shard !== this.#self) this.#ask(session, shard, Operation.fetch, number, session, fetch, timeoutMs, 0);
    else actor?.fetch(this.#base + session, fetch, timeoutMs, false, this.#turn.nowMs());
  }

  /** Sends what a session asks of a queue elsewhere. */
  #ask(
    session: number,
    shard: number,
    operation: number,
    queue: number,
    a: number,
    b: number,
    c: number,
    d: number,
  ): void {
    this.#traffic.post(shard, operation, queue, a, b, c, d);
    this.#traffic.throttle(session, shard);
  }

  // What other shards ask and answer.

  /** One envelope of another shard; the record is valid only during the call. */
  receive(
    from: number,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    _e: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    switch (operation) {
      case Operation.publish:
        this.#receivePublish(from, target, a, b, memory, offset);
        return;
      case Operation.confirm:
        this.#receiveConfirm(from, target, a, b, c);
        return;
      case Operation.deliver:
        this.#receiveDelivery(target, a, b, memory, offset);
        return;
      case Operation.ack:
        this.#routes.number(target)?.actor?.ack(a, b, c, d, this.#turn.nowMs());
        return;
      case Operation.requeue:
        this.#routes.number(target)?.actor?.requeue(a, b, c, d, this.#turn.nowMs());
        return;
      case Operation.subscribe:
        this.#routes.number(target)?.actor?.subscribe(from * ADDRESS_SHARD + a, b, this.#turn.nowMs());
        return;
      case Operation.unsubscribe:
        this.#routes.number(target)?.actor?.unsubscribe(from * ADDRESS_SHARD + a, this.#turn.nowMs());
        return;
      case Operation.fetch:
        this.#receiveFetch(from, target, a, b, c);
        return;
      case Operation.fetchTimeout:
        this.sessions.get(target)?.fetchTimedOut(this.#routes.number(a), b);
        return;
    }
  }

  #receivePublish(
    from: number,
    queue: number,
    session: number,
    publish: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    const actor = this.#routes.number(queue)?.actor;
    const address = publish < 0 || session === TRANSFER_SESSION ? -1 : from * ADDRESS_SHARD + session;
    const result =
      actor === undefined ? PublishResult.gone : actor.publish(memory, offset, address, publish, this.#turn.nowMs());
    if (publish >= 0) this.#traffic.post(from, Operation.confirm, session, publish, result, queue, 0);
    else if (actor === undefined) this.counters.publishesLost++;
  }

  #receiveConfirm(from: number, session: number, publish: number, result: number, queue: number): void {
    if (session === TRANSFER_SESSION) {
      this.#transfers.answered(publish, !isRefused(result), this.#turn.nowMs());
      return;
    }
    const route = this.#routes.number(queue);
    if (result !== PublishResult.blocked) this.sessions.get(session)?.confirmed(publish, result, route);
    else if (this.sessions.get(session) === undefined) {
      // Its publisher is gone: the queue gives the publish up.
      this.#traffic.post(from, Operation.unsubscribe, queue, session, 0, 0, 0);
    } else if (route !== undefined) this.sessions.uses(session, route);
  }

  #receiveDelivery(session: number, queueNumber: number, fetch: number, memory: RecordMemory, offset: number): void {
    const queue = this.#routes.number(queueNumber);
    const sink = this.sessions.get(session);
    // A session or queue that is gone has been told to the owner too: the message goes back, or went, with it.
    if (queue === undefined || sink === undefined) return;
    this.#turn.touch();
    this.counters.deliveries++;
    sink.delivered(queue, memory, offset, fetch);
  }

  #receiveFetch(from: number, queue: number, session: number, fetch: number, timeoutMs: number): void {
    const actor = this.#routes.number(queue)?.actor;
    if (actor === undefined) this.#traffic.post(from, Operation.fetchTimeout, session, queue, fetch, 0, 0);
    else actor.fetch(from * ADDRESS_SHARD + session, fetch, timeoutMs, false, this.#turn.nowMs());
  }

  /** The ring to another shard has room again: who was stopped for it goes on. */
  room(shard: number): void {
    this.#traffic.room(shard);
    this.#transfers.room(shard);
  }

  /** The way to the consumer of an address. */
  laneOf(address: number): Lane {
    const shard = Math.floor(address / ADDRESS_SHARD);
    return shard === this.#self ? this.#home : this.#traffic.lane(shard);
  }

  // QueueHandler: what queues of this shard say.

  deliver(queue: Queue, address: number, message: number, fetch: number): void {
    const memory = queue.messages.memory(message);
    const offset = queue.messages.offset(message);
    const session = address - this.#base;
    if (session >= 0 && session < ADDRESS_SHARD) {
      const route = this.#routes.number(queue.number);
      const sink = this.sessions.get(session);
      if (route === undefined || sink === undefined) return;
      this.counters.deliveries++;
      sink.delivered(route, memory, offset, fetch);
      return;
    }
    const shard = Math.floor(address / ADDRESS_SHARD);
    const target = address - shard * ADDRESS_SHARD;
    this.#traffic.postRecord(shard, Operation.deliver, target, queue.number, fetch, memory, offset);
    // What comes next for that shard waits until the ring has room.
    this.#traffic.hasRoom(shard);
  }

  fetchTimedOut(queue: Queue, address: number, fetch: number): void {
    const shard = Math.floor(address / ADDRESS_SHARD);
    const session = address - shard * ADDRESS_SHARD;
    if (shard === this.#self) this.sessions.get(session)?.fetchTimedOut(this.#routes.number(queue.number), fetch);
    else this.#traffic.post(shard, Operation.fetchTimeout, session, queue.number, fetch, 0, 0);
  }

  unblocked(queue: Queue, address: number, publish: number, result: number): void {
    const shard = Math.floor(address / ADDRESS_SHARD);
    const session = address - shard * ADDRESS_SHARD;
    if (shard === this.#self) this.sessions.get(session)?.confirmed(publish, result, this.#routes.number(queue.number));
    else this.#traffic.post(shard, Operation.confirm, session, publish, result, queue.number, 0);
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
    if (target.shard !== this.#self) {
      this.#transfers.start(queue, message, target, onAnswer);
      return 'later';
    }
    const [memory, offset] = [queue.messages.memory(message), queue.messages.offset(message)];
    const result = target.actor?.publish(memory, offset, -1, -1, this.#turn.nowMs()) ?? PublishResult.gone;
    return isRefused(result) ? 'refused' : 'taken';
  }
}
