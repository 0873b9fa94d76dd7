// What a shard's broker needs of its peers: to send envelopes to the other shards. Rings implement it within a node
// (thread/mailbox.ts); links between nodes will stand behind the same port. Sending never fails: what does not fit now
// waits in order, and `hasRoom` tells the broker to stop the sources.
import type { RecordMemory } from '../core/record.ts';

export interface ShardPeers {
  /** Sends one envelope; see operation.ts for what target and words mean. Hot: positional on purpose. */
  post(to: number, operation: number, target: number, a: number, b: number, c: number, d: number, e: number): void;
  /** The same with a record, which is copied before the call returns. */
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
  /** False while what was sent to that shard waits for room. */
  hasRoom(to: number): boolean;
}
