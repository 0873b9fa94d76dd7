// What a shard sends to other threads, and who waits while a ring is short of room: the sessions that feed it are read
// no further, and queues pass over the consumers behind it (core/lane.ts). All go on when it has room.
// Lives on: a shard, one, inside its broker.
import { Lane } from '../core/lane.ts';
import type { RecordMemory } from '../core/record.ts';
import { isShard, peerOf } from './address.ts';
import type { LoopTurn } from './loop-turn.ts';
import type { ShardPeers } from './ports.ts';
import type { SessionRegistry } from './session-registry.ts';

export interface TrafficParts {
  readonly turn: LoopTurn;
  readonly sessions: SessionRegistry;
  /** The cluster's thread: the way to sessions and queues of other nodes; -1 = there is none. */
  readonly clusterThread: number;
}

/** Consumers of all shards of a peer share a lane; in the table of lanes it stands behind those of the threads. */
const PEER_LANES = 1_000;

export class PeerTraffic {
  readonly #turn: LoopTurn;
  readonly #sessions: SessionRegistry;
  readonly #clusterThread: number;
  readonly #lanes = new Map<number, Lane>();
  /** Sessions of this shard that are not read, by what they wait for: a thread's ring, or a name. */
  readonly #stopped = new Map<number | string, Set<number>>();
  #peers!: ShardPeers;

  constructor({ turn, sessions, clusterThread }: TrafficParts) {
    this.#turn = turn;
    this.#sessions = sessions;
    this.#clusterThread = clusterThread;
  }

  connect(peers: ShardPeers): void {
    this.#peers = peers;
  }

  /** The way to the consumers of an origin. */
  laneOf(origin: number): Lane {
    return this.#lane(isShard(origin) ? origin : PEER_LANES + peerOf(origin));
  }

  /** The cluster's thread says whether more may be sent to a peer. */
  peerLane(peer: number, open: boolean): void {
    const lane = this.#lane(PEER_LANES + peer);
    if (open) lane.open(this.#turn.nowMs());
    else lane.isOpen = false;
  }

  /** Sends to an origin: to its shard, or by way of the cluster's thread to its node. */
  post(origin: number, operation: number, target: number, a: number, b: number, c: number, d: number): void {
    this.#turn.touch();
    if (isShard(origin)) this.#peers.post(origin, operation, target, a, b, c, d, 0);
    else this.#peers.post(this.#clusterThread, operation, target, a, b, c, d, origin + 1);
  }

  postRecord(
    origin: number,
    operation: number,
    target: number,
    a: number,
    b: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    this.#turn.touch();
    if (isShard(origin)) this.#peers.postRecord(origin, operation, target, a, b, 0, 0, 0, memory, offset);
    else this.#peers.postRecord(this.#clusterThread, operation, target, a, b, 0, 0, origin + 1, memory, offset);
  }

  /** Sends to a thread what comes from `origin`. */
  sendOn(
    thread: number,
    origin: number,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
  ): void {
    this.#turn.touch();
    this.#peers.post(thread, operation, target, a, b, c, d, origin + 1);
  }

  sendRecordOn(
    thread: number,
    origin: number,
    operation: number,
    target: number,
    a: number,
    b: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    this.#turn.touch();
    this.#peers.postRecord(thread, operation, target, a, b, 0, 0, origin + 1, memory, offset);
  }

  /** Whether more may be sent to that thread; when not, the consumers behind its ring are passed over from now on. */
  hasRoom(thread: number): boolean {
    if (this.#peers.hasRoom(thread)) return true;
    if (thread !== this.#clusterThread) this.#lane(thread).isOpen = false;
    else for (const [number, lane] of this.#lanes) if (number >= PEER_LANES) lane.isOpen = false;
    return false;
  }

  /** After a message to a consumer: passes over those of the same way when the ring is short of room. */
  checkRoom(origin: number): void {
    if (this.hasRoom(isShard(origin) ? origin : this.#clusterThread)) return;
    this.laneOf(origin).isOpen = false;
  }

  /** After a session of this shard has fed the ring: stops it when that is short of room. */
  throttle(session: number, thread: number): void {
    if (!this.hasRoom(thread)) this.stop(session, thread);
  }

  /** The session is read no further until what it waits for has come. */
  stop(session: number, waitsFor: number | string): void {
    const waiting = this.#stopped.get(waitsFor) ?? new Set();
    if (waiting.has(session)) return;
    this.#stopped.set(waitsFor, waiting.add(session));
    this.#sessions.get(session)?.throttle(true);
  }

  go(session: number, waitsFor: number | string): void {
    const waiting = this.#stopped.get(waitsFor);
    if (waiting?.delete(session) !== true) return;
    if (waiting.size === 0) this.#stopped.delete(waitsFor);
    if (!this.#isStopped(session)) this.#sessions.get(session)?.throttle(false);
  }

  goAll(waitsFor: number | string): void {
    for (const session of [...(this.#stopped.get(waitsFor) ?? [])]) this.go(session, waitsFor);
  }

  /** The session is gone. */
  forget(session: number): void {
    for (const waiting of this.#stopped.values()) waiting.delete(session);
  }

  /** The ring to that thread has room again. */
  room(thread: number): void {
    const nowMs = this.#turn.nowMs();
    if (thread !== this.#clusterThread) this.#lanes.get(thread)?.open(nowMs);
    else for (const [number, lane] of this.#lanes) if (number >= PEER_LANES) lane.open(nowMs);
    this.goAll(thread);
  }

  #lane(number: number): Lane {
    let lane = this.#lanes.get(number);
    if (lane === undefined) {
      lane = new Lane();
      this.#lanes.set(number, lane);
    }
    return lane;
  }

  #isStopped(session: number): boolean {
    for (const waiting of this.#stopped.values()) if (waiting.has(session)) return true;
    return false;
  }
}
