// What other threads ask of the queues of this shard, and tell its sessions: the receiving end of the rings. What is
// for a queue that has gone elsewhere is sent on to where it is.
// Lives on: a shard, one. Called by: the mailbox; and the broker, for operations that were held.
import { isRefused, PublishResult } from '../core/publish-result.ts';
import { RecordMemory } from '../core/record.ts';
import { addressOf } from './address.ts';
import type { BrokerCounters } from './broker-counters.ts';
import type { HandOver } from './hand-over.ts';
import type { LoopTurn } from './loop-turn.ts';
import { Operation, TRANSFER_SESSION } from './operation.ts';
import type { PeerTraffic } from './peer-traffic.ts';
import type { RoutingTable, ShardQueueRoute } from './routing-table.ts';
import type { SessionRegistry } from './session-registry.ts';
import type { Transfers } from './transfers.ts';

export interface ExchangeParts {
  readonly self: number;
  readonly routes: RoutingTable;
  readonly turn: LoopTurn;
  readonly sessions: SessionRegistry;
  readonly traffic: PeerTraffic;
  readonly transfers: Transfers;
  readonly handOver: HandOver;
  readonly counters: BrokerCounters;
}

const NO_RECORD = new RecordMemory(new ArrayBuffer(8));

export class Exchange {
  readonly #parts: ExchangeParts;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  /** One envelope of another thread; the record is valid only during the call. */
  receive(
    from: number,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    switch (operation) {
      case Operation.confirm:
        this.#confirm(e === 0 ? from : e - 1, target, a, b, c);
        return;
      case Operation.deliver:
        this.#delivery(target, a, b, memory, offset);
        return;
      case Operation.fetchTimeout:
        this.#parts.sessions.get(target)?.fetchTimedOut(this.#parts.routes.number(a), b);
        return;
      case Operation.freeze:
      case Operation.image:
      case Operation.route:
      case Operation.fenceDone:
      case Operation.abandon:
      case Operation.quiet:
      case Operation.lane:
      case Operation.throttle:
        this.#parts.handOver.receive(operation, target, a, b, memory, offset);
        return;
      default:
        this.#ask(e === 0 ? from : e - 1, operation, target, a, b, c, d, memory, offset);
    }
  }

  /** The ring to another thread has room again: who was stopped for it goes on. */
  room(thread: number): void {
    this.#parts.traffic.room(thread);
    this.#parts.transfers.room(thread);
    this.#parts.handOver.room();
  }

  /** Carries out what was held for a queue while it changed its place. */
  release(route: ShardQueueRoute): void {
    const { held } = route;
    if (held === undefined) return;
    const { traffic } = this.#parts;
    route.held = undefined;
    for (const { origin, operation, a, b, c, d, record } of held) {
      const offset = record === undefined ? -1 : 0;
      this.#ask(origin, operation, route.number, a, b, c, d, record ?? NO_RECORD, offset);
    }
    traffic.goAll(heldName(route.number));
  }

  /** What `origin` asks of a queue. */
  #ask(
    origin: number,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    const route = this.#parts.routes.number(target);
    const actor = route?.actor;
    // Also back to the thread it came from: the queue may have gone there meanwhile.
    if (actor === undefined && route !== undefined && route.shard !== this.#parts.self) {
      this.#sendOn(route, origin, operation, a, b, c, d, memory, offset);
      return;
    }
    const nowMs = this.#parts.turn.nowMs();
    switch (operation) {
      case Operation.publish:
        this.#publish(route, target, origin, a, b, memory, offset);
        return;
      case Operation.ack:
        actor?.ack(a, b, c, d, nowMs);
        return;
      case Operation.requeue:
        actor?.requeue(a, b, c, d, nowMs);
        return;
      case Operation.subscribe:
        actor?.subscribe(addressOf(origin, a), b, nowMs);
        return;
      case Operation.unsubscribe:
        actor?.unsubscribe(addressOf(origin, a), nowMs);
        return;
      case Operation.fetch:
        if (actor === undefined) this.#fetchTimeout(origin, target, a, b);
        else actor.fetch(addressOf(origin, a), b, c, false, nowMs);
        return;
      case Operation.fence:
        this.#parts.handOver.fence(target, origin);
        return;
    }
  }

  #sendOn(
    route: ShardQueueRoute,
    origin: number,
    operation: number,
    a: number,
    b: number,
    c: number,
    d: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    const { traffic } = this.#parts;
    if (route.held !== undefined) {
      if (offset >= 0) route.held.addRecord(origin, operation, a, b, memory, offset);
      else route.held.add(origin, operation, a, b, c, d);
    } else if (offset >= 0) traffic.sendRecordOn(route.shard, origin, operation, route.number, a, b, memory, offset);
    else traffic.sendOn(route.shard, origin, operation, route.number, a, b, c, d);
  }

  #publish(
    route: ShardQueueRoute | undefined,
    queue: number,
    origin: number,
    session: number,
    publish: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    const { turn, counters, self, traffic } = this.#parts;
    const address = publish < 0 || session === TRANSFER_SESSION ? -1 : addressOf(origin, session);
    const result = route?.actor?.publish(memory, offset, address, publish, turn.nowMs()) ?? PublishResult.gone;
    if (publish < 0) {
      if (route?.actor === undefined) counters.publishesLost++;
    } else if (origin === self) this.#confirm(self, session, publish, result, queue);
    else traffic.post(origin, Operation.confirm, session, publish, result, queue, 0);
  }

  #confirm(from: number, session: number, publish: number, result: number, queue: number): void {
    const { sessions, routes, transfers, traffic, turn } = this.#parts;
    if (session === TRANSFER_SESSION) {
      transfers.answered(publish, !isRefused(result), turn.nowMs());
      return;
    }
    const route = routes.number(queue);
    if (result !== PublishResult.blocked) sessions.get(session)?.confirmed(publish, result, route);
    else if (sessions.get(session) === undefined) {
      // Its publisher is gone: the queue gives the publish up.
      if (from !== this.#parts.self) traffic.post(from, Operation.unsubscribe, queue, session, 0, 0, 0);
      else route?.actor?.unsubscribe(addressOf(from, session), turn.nowMs());
    } else if (route !== undefined) sessions.uses(session, route);
  }

  #delivery(session: number, queueNumber: number, fetch: number, memory: RecordMemory, offset: number): void {
    const { sessions, routes, turn, counters } = this.#parts;
    const queue = routes.number(queueNumber);
    const sink = sessions.get(session);
    // A session or queue that is gone has been told to the owner too: the message goes back, or went, with it.
    if (queue === undefined || sink === undefined) return;
    turn.touch();
    counters.deliveries++;
    sink.delivered(queue, memory, offset, fetch);
  }

  #fetchTimeout(origin: number, queue: number, session: number, fetch: number): void {
    const { self, sessions, routes, traffic } = this.#parts;
    if (origin === self) sessions.get(session)?.fetchTimedOut(routes.number(queue), fetch);
    else traffic.post(origin, Operation.fetchTimeout, session, queue, fetch, 0, 0);
  }
}

/** What sessions wait for while a queue changes its place. */
export function heldName(queue: number): string {
  return `queue ${queue}`;
}
