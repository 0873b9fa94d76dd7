// What the relay of records needs: the rings to the shards of its node, the links to other nodes, and somebody to tell
// when a queue has found a place. Sending never fails here; who sends too much is told to wait by hasRoom.
import type { QueueOptions } from '../../src/core/queue-options.ts';
import type { RecordMemory } from '../../src/core/record.ts';
import type { NodeId } from '../placement/ring.ts';

export interface RelayRings {
  post(to: number, operation: number, target: number, a: number, b: number, c: number, d: number, e: number): void;
  postRecord(
    to: number,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    memory: RecordMemory,
    offset: number,
  ): void;
}

export interface RelayLinks {
  /** False = nothing more is kept for the peer, or it is not known. `offset` -1 = no record. */
  post(
    node: NodeId,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    memory: RecordMemory,
    offset: number,
  ): boolean;
  hasRoom(node: NodeId): boolean;
}

export interface RelayEvents {
  /** The queue serves on a shard of this node from now on. */
  owned(queue: {
    readonly number: number;
    readonly name: string;
    readonly shard: number;
    readonly epoch: number;
  }): void;
  /** The queue is another node's from now on. */
  released(queue: { readonly number: number; readonly name: string; readonly node: NodeId }): void;
  /** A queue that is not known here is to come: calls `known` with its number when every shard has heard of it. */
  introduce(options: QueueOptions, known: (number: number) => void): void;
  /** A move ended without its queue having moved. */
  moveFailed(queue: string, reason: string): void;
}
