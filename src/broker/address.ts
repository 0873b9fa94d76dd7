// Where a session is, as queues know it: address = origin * 2^32 + number of the session there.
//
//   origin   0-63: a shard of this node      64 and above: shard (origin mod 64) of peer (origin div 64 - 1)
//
// Peers are numbered by the cluster thread of this node; every other thread only compares and hands on.
import { SHARDS_MAX } from '../base/limits.ts';

const SESSIONS = 2 ** 32;

/** The address of session `session` of `origin`. */
export function addressOf(origin: number, session: number): number {
  return origin * SESSIONS + session;
}

export function originOf(address: number): number {
  return Math.floor(address / SESSIONS);
}

export function sessionOf(address: number): number {
  return address % SESSIONS;
}

export function isShard(origin: number): boolean {
  return origin < SHARDS_MAX;
}

/** The origin that shard `shard` of peer `peer` is. */
export function peerOrigin(peer: number, shard: number): number {
  return (peer + 1) * SHARDS_MAX + shard;
}

export function peerOf(origin: number): number {
  return Math.floor(origin / SHARDS_MAX) - 1;
}

export function shardOf(origin: number): number {
  return origin % SHARDS_MAX;
}
