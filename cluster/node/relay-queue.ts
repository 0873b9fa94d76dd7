// One queue as the relay sees it: where it is, and what waits until that is known.
// Lives on: the cluster's thread, one for each queue of the cluster.
import type { NodeId } from '../placement/ring.ts';
import { Edge } from './edge.ts';
import { Held } from './held.ts';

/** `there`: on another node, under its number there. */
export type QueuePlace =
  | { readonly kind: 'nowhere' }
  | { readonly kind: 'here'; readonly shard: number }
  | { readonly kind: 'there'; readonly node: NodeId; readonly number: number };

export class RelayQueue {
  /** On every thread of this node. */
  readonly number: number;
  readonly name: string;
  place: QueuePlace = { kind: 'nowhere' };
  /** Of its last owner that is known here. */
  epoch = 0;
  /** Why operations are held: it is nowhere, or on its way, or the way to it is full. */
  isHeld = true;
  readonly held = new Held();
  /** Sessions that were told to wait. */
  readonly waiting = new Set<number>();
  /** What sessions of this node have with it while it is elsewhere. */
  edge = new Edge();
  /** Addresses of sessions of other nodes that use it while it is here, by node. */
  readonly users = new Map<NodeId, Set<number>>();
  /** Shards of this node whose sessions do not go the way yet that the last move made. */
  unrouted = 0;
  /** Shards that have not said yet that all older deliveries have arrived; then `onQuiet` is called. */
  unquiet = 0;
  onQuiet: (() => void) | undefined;

  constructor(number: number, name: string) {
    this.number = number;
    this.name = name;
  }
}
