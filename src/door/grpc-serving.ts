// What the connections and calls of one gRPC door share. Made by the door, one a shard thread.
import type { GRPC_LIMITS } from '../base/limits.ts';
import type { Principal } from '../base/principal.ts';
import type { BufferPool } from '../wire/grpc/buffer-pool.ts';
import type { GrpcMetadata, GrpcMethod } from '../wire/grpc/method.ts';
import type { FlushQueue } from './flush-queue.ts';
import type { GrpcStats } from './grpc-stats.ts';
import type { ShardOutput } from './output-account.ts';

/** Each limit as a number, by the names of GRPC_LIMITS. */
export type GrpcLimits = { readonly [Name in keyof typeof GRPC_LIMITS]: number };

/** Decides who calls. Throws or rejects with BrokerError('unauthenticated') for nobody we know. */
export type Authorize = (metadata: GrpcMetadata, peerCertificateName?: string) => Principal | Promise<Principal>;

export interface GrpcServing {
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  readonly authorize: Authorize;
  readonly limits: GrpcLimits;
  readonly stats: GrpcStats;
  readonly buffers: BufferPool;
  readonly flushes: FlushQueue;
  readonly output: ShardOutput;
  /** Compress larger responses for clients that accept gzip. */
  readonly gzip: boolean;
  /** New calls are refused, but those of unguarded methods. */
  readonly draining: boolean;
  /** An error that nobody expected, to be logged once. It is never sent. */
  readonly onUnexpected: (error: unknown, path: string) => void;
}
