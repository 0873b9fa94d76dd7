// What the admin surface may see and do of a node: the port between src/admin and the assembly of the node, which
// answers by asking the shards. Everything is plain data. Errors are BrokerErrors with a text for the caller.
// Lives on: main.
import type { LedgerCounts } from '../core/ledger.ts';
import type { QueueOptions } from '../core/queue-options.ts';
import type { ClusterStatus, PlannedMove } from './cluster-port.ts';
import type { ShardSnapshot } from './snapshots.ts';

export type NodeState = 'starting' | 'serving' | 'draining' | 'stopped';

/** One queue: its declaration, its place, and what became of its messages. */
export interface QueueInfo {
  readonly name: string;
  /** Index of the shard that owns it. */
  readonly shard: number;
  readonly source: 'config' | 'runtime';
  readonly options: QueueOptions;
  readonly ledger: LedgerCounts;
  /** Accepted messages that are nowhere: 0 unless the broker has a fault. */
  readonly imbalance: number;
  readonly consumers: number;
  readonly fetches: number;
  readonly blocked: number;
  readonly bytes: number;
  readonly paused: boolean;
}

/** A message as peek shows it, straight from its record. */
export interface PeekedMessage {
  readonly id: string;
  readonly topic: string;
  /** BodyFormat of the body. */
  readonly format: number;
  readonly priority: number;
  readonly attempts: number;
  readonly publishMs: number;
  readonly state: string;
  readonly body: Uint8Array;
}

export interface LedgerReport {
  readonly balanced: boolean;
  readonly imbalance: number;
  readonly total: LedgerCounts;
  readonly queues: readonly { readonly name: string; readonly ledger: LedgerCounts; readonly imbalance: number }[];
}

export interface NodeStats {
  readonly shards: readonly ShardSnapshot[];
}

export interface NodeView {
  readonly name: string;
  readonly version: string;
  readonly startedAtMs: number;
  state(): NodeState;
  /** Declares a queue; the same declaration again is fine, a different one throws `already-exists`. */
  declareQueue(declaration: { readonly name: string } & Partial<QueueOptions>): Promise<QueueInfo>;
  deleteQueue(name: string, options?: { readonly ifEmpty?: boolean }): Promise<{ purged: number }>;
  purgeQueue(name: string): Promise<{ purged: number }>;
  pauseQueue(name: string): Promise<void>;
  resumeQueue(name: string): Promise<void>;
  peekQueue(name: string, limit: number): Promise<PeekedMessage[]>;
  /** Without `to`: everything unacked goes back to ready. With it: ready messages move to that queue. */
  requeue(name: string, options?: { readonly to?: string }): Promise<{ moved: number }>;
  queue(name: string): Promise<QueueInfo>;
  queues(page: {
    readonly prefix?: string;
    readonly limit: number;
    readonly offset: number;
  }): Promise<{ total: number; queues: QueueInfo[] }>;
  ledger(): Promise<LedgerReport>;
  stats(): Promise<NodeStats>;
  /** Throws `failed-precondition` when the node is in no cluster. */
  clusterStatus(): Promise<ClusterStatus>;
  /** Which queues would move, as if the node `without` were not there. */
  clusterPlan(without: string | undefined): Promise<readonly PlannedMove[]>;
}
