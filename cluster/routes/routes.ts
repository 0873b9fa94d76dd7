// Who wants which topic and which node runs which queue, in the whole cluster. Each node writes one log about itself
// and keeps a copy of every other node's; nobody writes about others, so there is nothing to merge and nothing to vote
// on. Pure: time comes in, messages go out through the port; tick() is called when `dueMs` says so.
//
//   own log (route-log.ts, local-interest.ts) ──frames──> peers' replicas (route-replica.ts) ──> view (route-view.ts)
//              └── log-server.ts answers pulls and comparisons
import { ROUTE_LIMITS } from '../limits.ts';
import { Barriers } from './barriers.ts';
import { type Holder, LocalInterest } from './local-interest.ts';
import { LogServer } from './log-server.ts';
import type { RouteTarget } from './origin-sets.ts';
import { type QueueRecord, writeQueueRecord } from './queue-record.ts';
import { type Interest, interestKey, queueKey, readInterest } from './route-entry.ts';
import { RouteError } from './route-error.ts';
import { RouteLog, type RouteSizes } from './route-log.ts';
import {
  type RouteFrame,
  type RouteHead,
  type RouteMark,
  type RouteMessage,
  readRouteMessage,
} from './route-message.ts';
import { type ReplicaFigures, RouteReplica } from './route-replica.ts';
import { type QueueClaim, RouteView } from './route-view.ts';

export interface RoutePort {
  /** To a peer whose link is up, in order; a peer that is not there any more gets nothing. */
  send(peer: string, message: RouteMessage): void;
  /** All peers that were up know what they had to; `isLate`: or were given up. */
  barrierDone(barrier: number, isLate: boolean): void;
}

interface RoutesOptions {
  readonly self: string;
  /** The start number of this node: greater at each start, never 0. */
  readonly incarnation: number;
  readonly port: RoutePort;
  /** In [0, 1). */
  readonly random: () => number;
  readonly sizes?: Partial<RouteSizes>;
}

export interface RouteFigures extends Readonly<ReplicaFigures> {
  readonly seq: number;
  readonly entries: number;
  readonly origins: number;
  readonly parked: number;
  readonly exactFilters: number;
  readonly wildcards: number;
  readonly queues: number;
  readonly snapshotsServed: number;
  readonly bucketsSent: number;
  readonly lateBarriers: number;
  /** Publishes that came here and nobody wanted: by summaries, and by interest that lingers. */
  readonly falseForwards: number;
}

export class Routes {
  readonly #self: string;
  readonly #port: RoutePort;
  readonly #random: () => number;
  readonly #log: RouteLog;
  readonly #interest: LocalInterest;
  readonly #server: LogServer;
  readonly #barriers: Barriers;
  readonly #view = new RouteView();
  readonly #replicas = new Map<string, RouteReplica>();
  readonly #up = new Set<string>();
  readonly #figures: ReplicaFigures = {
    frames: 0,
    duplicates: 0,
    pulls: 0,
    snapshots: 0,
    brokenSnapshots: 0,
    routeRepairs: 0,
  };
  #falseForwards = 0;
  #housekeepMs = 0;

  constructor(options: RoutesOptions) {
    const { self, incarnation, port, random } = options;
    this.#self = self;
    this.#port = port;
    this.#random = random;
    this.#log = new RouteLog({
      origin: self,
      incarnation,
      sizes: { ...ROUTE_LIMITS, ...options.sizes },
      onFrame: (frame) => this.#push(frame),
    });
    this.#interest = new LocalInterest(this.#log);
    this.#server = new LogServer(this.#log, (peer, message) => this.#send(peer, message));
    this.#barriers = new Barriers((barrier, isLate) => port.barrierDone(barrier, isLate));
  }

  // What this node says of itself.

  subscribe(interest: { space: string; filter: string } & Holder, nowMs: number): void {
    this.#interest.add(interest, nowMs);
  }

  unsubscribe(interest: { space: string; filter: string } & Holder, nowMs: number): void {
    this.#interest.remove(interest, nowMs);
  }

  /** This node runs the queue, as of the record's epoch; also when anything else of the record changed. */
  own(record: QueueRecord, nowMs: number): void {
    this.#log.put(queueKey(record.name), writeQueueRecord(record), nowMs);
  }

  /** It does so no longer. */
  disown(queue: string, nowMs: number): void {
    this.#log.put(queueKey(queue), undefined, nowMs);
  }

  /** Opens a barrier behind all that was said until now; `barrier` is its number for barrierDone(). */
  barrier(barrier: number, nowMs: number): void {
    this.#log.flush();
    const { incarnation, seq } = this.#log;
    for (const peer of this.#up) this.#send(peer, { t: 'route-ask', i: incarnation, s: seq });
    this.#barriers.open(barrier, { seq, peers: this.#up, nowMs });
  }

  /** For the next probe: how far this node's log is. */
  get head(): RouteHead {
    return this.#log.head;
  }

  // What is heard of others.

  /** The link to a peer is there, also anew: nothing that was sent on an earlier one is still to come. */
  peerUp(peer: string, nowMs: number): void {
    this.#up.add(peer);
    this.#spread();
    const replica = this.#replica(peer, nowMs);
    replica?.unpark();
    replica?.linkUp(nowMs);
    const seq = this.#barriers.awaited(peer);
    if (seq !== undefined) this.#send(peer, { t: 'route-ask', i: this.#log.incarnation, s: seq });
  }

  /** The link is gone. Routes stay as they are: members decide who is dead, links do not. */
  peerDown(peer: string): void {
    this.#up.delete(peer);
    this.#spread();
    this.#server.peerDown(peer);
    this.#barriers.gone(peer);
  }

  /** Members agree that the node is dead. Not called for a suspicion. */
  dead(peer: string, nowMs: number): void {
    this.#replicas.get(peer)?.park(nowMs);
  }

  /** The node left, or is forgotten: it has no routes. */
  left(peer: string): void {
    this.#replicas.get(peer)?.drop();
    this.#replicas.delete(peer);
  }

  /** A message of a peer whose link is up; throws RouteError when it is none, and then nothing of it was applied. */
  receive(peer: string, fields: Readonly<Record<string, unknown>>, nowMs: number): void {
    const message = readRouteMessage(fields);
    switch (message.t) {
      case 'route-pull':
        this.#server.pull(peer, message);
        return;
      case 'route-more':
        this.#server.more(peer, message.id);
        return;
      case 'route-check':
        this.#server.check(peer, message);
        return;
      case 'route-sums':
        this.#server.compare(peer, message, nowMs);
        return;
      case 'route-ack':
        if (message.i === this.#log.incarnation) this.#barriers.reached(peer, message.s);
        return;
      default:
        this.#receiveOfOrigin(peer, message, nowMs);
    }
  }

  #receiveOfOrigin(
    peer: string,
    message: Extract<RouteMessage, { t: 'route' | 'route-head' | 'route-snap' | 'route-fix' }> | RouteMark,
    nowMs: number,
  ): void {
    if (message.t === 'route' && message.o !== peer) {
      throw new RouteError(`${peer} sent a frame of ${message.o}, but only an origin sends its own`);
    }
    const replica = this.#replica(peer, nowMs);
    if (replica === undefined) throw new RouteError(`routes of ${ROUTE_LIMITS.originsMax} nodes are kept already`);
    if (message.t === 'route') replica.frame(message, nowMs);
    else if (message.t === 'route-snap') replica.snap(message, nowMs);
    else if (message.t === 'route-fix') replica.fix(message);
    else if (message.t === 'route-head') {
      const { i: incarnation, s: seq, root, more } = message;
      replica.hear({ origin: peer, incarnation, seq, root }, nowMs, { isOrigin: true, more });
    } else replica.ask(message);
  }

  /** Heads that came with a probe. They may be of any node, but are only hints: routes come from the node itself. */
  heads(heads: readonly RouteHead[], nowMs: number): void {
    for (const head of heads) {
      this.#replicas.get(head.origin)?.hear(head, nowMs, { isOrigin: false, more: false });
    }
  }

  /** When tick() has something to do. */
  get dueMs(): number {
    return Math.min(this.#log.dueMs, this.#interest.dueMs, this.#barriers.dueMs, this.#housekeepMs);
  }

  tick(nowMs: number): void {
    this.#interest.expire(nowMs);
    if (this.#log.dueMs <= nowMs) this.#log.flush();
    this.#barriers.expire(nowMs);
    if (nowMs < this.#housekeepMs) return;
    this.#housekeepMs = nowMs + ROUTE_LIMITS.housekeepMs;
    for (const [peer, replica] of this.#replicas) {
      const sinceMs = replica.parkedSinceMs;
      if (sinceMs !== undefined && nowMs - sinceMs >= ROUTE_LIMITS.parkedMs) this.left(peer);
      else if (this.#up.has(peer)) replica.housekeep(nowMs);
    }
  }

  // Lookups.

  /** Other nodes that want what is published to the topic; some may only seem to. */
  match(space: string, topic: string): readonly RouteTarget[] {
    return this.#view.match(space, topic);
  }

  /** Other nodes with this very filter. Says nothing of exact filters that are in summaries. */
  holders(space: string, filter: string): readonly RouteTarget[] {
    return this.#view.holders(space, filter);
  }

  /** What a node said of this filter. */
  interest(origin: string, space: string, filter: string): Interest | undefined {
    const value = this.#replicas.get(origin)?.table.get(interestKey(space, filter));
    return value === undefined ? undefined : readInterest(value);
  }

  /** The other node that runs the queue. */
  owner(queue: string): QueueClaim | undefined {
    return this.#view.owner(queue);
  }

  /** How far the copy of a node's log is. */
  replicaHead(origin: string): RouteHead | undefined {
    return this.#replicas.get(origin)?.head;
  }

  /** A publish came here and nobody wanted it. */
  falseForward(): void {
    this.#falseForwards++;
  }

  get figures(): RouteFigures {
    let parked = 0;
    for (const replica of this.#replicas.values()) if (replica.target.isParked) parked++;
    const { exactFilters, wildcards, queues } = this.#view;
    return {
      ...this.#figures,
      seq: this.#log.seq,
      entries: this.#log.table.size,
      origins: this.#replicas.size,
      parked,
      exactFilters,
      wildcards,
      queues,
      snapshotsServed: this.#server.snapshots,
      bucketsSent: this.#server.bucketsSent,
      lateBarriers: this.#barriers.late,
      falseForwards: this.#falseForwards,
    };
  }

  #push(frame: RouteFrame): void {
    for (const peer of this.#up) this.#port.send(peer, frame);
  }

  #send(peer: string, message: RouteMessage): void {
    if (this.#up.has(peer)) this.#port.send(peer, message);
  }

  /** The more peers there are, the fewer frames each gets. */
  #spread(): void {
    const { flushMs, directPeersMax } = ROUTE_LIMITS;
    this.#log.flushMs = flushMs * Math.max(1, Math.ceil(this.#up.size / directPeersMax));
  }

  #replica(peer: string, nowMs: number): RouteReplica | undefined {
    const known = this.#replicas.get(peer);
    if (known !== undefined) return known;
    if (this.#replicas.size >= ROUTE_LIMITS.originsMax || peer === this.#self) return undefined;
    const replica = new RouteReplica({
      view: this.#view,
      target: this.#view.newOrigin(peer),
      figures: this.#figures,
      send: (message) => this.#send(peer, message),
      // Drawn, so that nodes that started together do not all compare at once.
      firstCheckMs: nowMs + ROUTE_LIMITS.checkMs * this.#random(),
    });
    this.#replicas.set(peer, replica);
    return replica;
  }
}
