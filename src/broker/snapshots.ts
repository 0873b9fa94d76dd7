// What a shard tells main about itself and its queues: plain values that cross a MessagePort.

import type { LedgerCounts } from '../core/ledger.ts';
import type { BrokerCounters } from './broker-counters.ts';

/** One queue at one moment. */
export interface QueueSnapshot {
  readonly number: number;
  readonly ledger: LedgerCounts;
  readonly consumers: number;
  readonly fetches: number;
  /** Publishes that wait for room; outside of the ledger until they are in. */
  readonly blocked: number;
  /** Bytes of the records held. */
  readonly bytes: number;
  readonly paused: boolean;
}

/** One shard at one moment. */
export interface ShardSnapshot {
  readonly shard: number;
  readonly counters: Readonly<BrokerCounters>;
  readonly sessions: number;
  readonly queues: number;
  /** Event-loop delay beyond the timer's resolution since the last snapshot, ms. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly loopUtilization: number;
  readonly rings: readonly RingSnapshot[];
  readonly messageBytes: number;
  readonly heapUsedBytes: number;
  readonly grpc: DoorSnapshot;
  readonly jwtVerified: Readonly<Record<string, number>>;
}

/** The ring from this shard to another. */
export interface RingSnapshot {
  readonly to: number;
  readonly usedBytes: number;
  readonly overflowBytes: number;
  readonly sent: number;
  readonly wakes: number;
}

/** What the shard's gRPC door counts. */
export interface DoorSnapshot {
  readonly connections: number;
  readonly connectionsTotal: number;
  readonly streams: number;
  readonly streamsTotal: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly bufferedBytes: number;
  readonly outputBytes: number;
  /** Calls by path. */
  readonly requests: ReadonlyMap<string, number>;
  /** Refused connections and calls by reason. */
  readonly refused: ReadonlyMap<string, number>;
}
