// What a shard sends to the others, and who waits while a ring to one of them is short of room: the sessions that feed
// it are read no further, and queues pass over the consumers behind it (core/lane.ts). All go on when it has room.
// Lives on: a shard, one, inside its broker.
import { Lane } from '../core/lane.ts';
import type { RecordMemory } from '../core/record.ts';
import type { LoopTurn } from './loop-turn.ts';
import type { ShardPeers } from './ports.ts';
import type { SessionRegistry } from './session-registry.ts';

export class PeerTraffic {
  readonly #turn: LoopTurn;
  readonly #sessions: SessionRegistry;
  readonly #lanes = new Map<number, Lane>();
  /** Sessions of this shard that wait for room, by the shard they wait for. */
  readonly #throttled = new Map<number, Set<number>>();
  #peers!: ShardPeers;

  constructor(turn: LoopTurn, sessions: SessionRegistry) {
    this.#turn = turn;
    this.#sessions = sessions;
  }

  connect(peers: ShardPeers): void {
    this.#peers = peers;
  }

  /** The way to the consumers on a shard. */
  lane(shard: number): Lane {
    let lane = this.#lanes.get(shard);
    if (lane === undefined) {
      lane = new Lane();
      this.#lanes.set(shard, lane);
    }
    return lane;
  }

  post(to: number, operation: number, target: number, a: number, b: number, c: number, d: number): void {
    this.#turn.touch();
    this.#peers.post(to, operation, target, a, b, c, d, 0);
  }

  postRecord(
    to: number,
    operation: number,
    target: number,
    a: number,
    b: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    this.#turn.touch();
    this.#peers.postRecord(to, operation, target, a, b, 0, 0, 0, memory, offset);
  }

  /** Whether more may be sent to that shard; when not, its consumers are passed over from now on. */
  hasRoom(to: number): boolean {
    if (this.#peers.hasRoom(to)) return true;
    this.lane(to).isOpen = false;
    return false;
  }

  /** After a session of this shard has fed the ring: stops it when that is short of room. */
  throttle(session: number, to: number): void {
    if (this.hasRoom(to)) return;
    const waiting = this.#throttled.get(to) ?? new Set();
    if (waiting.has(session)) return;
    this.#throttled.set(to, waiting.add(session));
    this.#sessions.get(session)?.throttle(true);
  }

  /** The session is gone. */
  forget(session: number): void {
    for (const waiting of this.#throttled.values()) waiting.delete(session);
  }

  /** The ring to that shard has room again. */
  room(to: number): void {
    this.#lanes.get(to)?.open(this.#turn.nowMs());
    const waiting = this.#throttled.get(to);
    if (waiting === undefined) return;
    this.#throttled.delete(to);
    for (const session of waiting) if (!this.#isThrottled(session)) this.#sessions.get(session)?.throttle(false);
  }

  #isThrottled(session: number): boolean {
    for (const waiting of this.#throttled.values()) if (waiting.has(session)) return true;
    return false;
  }
}
