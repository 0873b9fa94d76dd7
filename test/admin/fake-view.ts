// A node without threads: queues are entries of a map, and what the admin surface asked for is recorded.
import { BrokerError } from '../../src/base/errors.ts';
import type { ClusterStatus, PlannedMove } from '../../src/broker/cluster-port.ts';
import type {
  LedgerReport,
  NodeState,
  NodeStats,
  NodeView,
  PeekedMessage,
  QueueInfo,
} from '../../src/broker/node-view.ts';
import type { ShardSnapshot } from '../../src/broker/snapshots.ts';
import { Ledger, type LedgerCounts } from '../../src/core/ledger.ts';
import { type QueueOptions, queueOptions } from '../../src/core/queue-options.ts';

function ledgerCounts(given: Partial<LedgerCounts> = {}): LedgerCounts {
  return { ...new Ledger().counts({ ready: 0, inFlight: 0, delayed: 0, blocked: 0 }), ...given };
}

export function queueInfo(
  options: { name: string } & Partial<QueueOptions>,
  counts: Partial<LedgerCounts> = {},
): QueueInfo {
  return {
    name: options.name,
    shard: 0,
    source: 'runtime',
    options: queueOptions(options),
    ledger: ledgerCounts(counts),
    imbalance: 0,
    consumers: 1,
    fetches: 0,
    blocked: 0,
    bytes: 128,
    paused: false,
  };
}

function shardSnapshot(shard: number, requests: [string, number][] = []): ShardSnapshot {
  return {
    shard,
    counters: { publishes: 10, publishErrors: 1, publishesLost: 0, deliveries: 9 },
    sessions: 3,
    queues: 2,
    loopDelayMs: { p50: 1, p99: 2.5, max: 40 },
    loopUtilization: 0.25,
    rings: [{ to: 1 - shard, usedBytes: 64, overflowBytes: 0, sent: 7, wakes: 2 }],
    messageBytes: 4096,
    heapUsedBytes: 1_000_000,
    grpc: {
      connections: 2,
      connectionsTotal: 5,
      streams: 1,
      streamsTotal: 6,
      bytesIn: 100,
      bytesOut: 200,
      bufferedBytes: 0,
      outputBytes: 0,
      requests: new Map(requests),
      refused: new Map([['unknown-path', 4]]),
    },
    jwtVerified: { first: 3 },
  };
}

const PEEKED: PeekedMessage = {
  id: '0198c0de-0000-7000-8000-000000000001',
  topic: 't',
  format: 0,
  priority: 0,
  attempts: 1,
  publishMs: 1_700_000_000_000,
  state: 'ready',
  body: Buffer.from('hello'),
};

export class FakeView implements NodeView {
  readonly name = 'fake';
  readonly version = '1.2.3';
  readonly startedAtMs = 1_700_000_000_000;
  readonly byName = new Map<string, QueueInfo>();
  readonly calls: unknown[][] = [];
  peeked: PeekedMessage[] = [PEEKED];
  nodeState: NodeState = 'serving';
  /** Thrown by stats(), when set. */
  failure: Error | undefined;

  constructor(...queues: QueueInfo[]) {
    for (const queue of queues) this.byName.set(queue.name, queue);
  }

  state(): NodeState {
    return this.nodeState;
  }

  async declareQueue(declaration: { readonly name: string } & Partial<QueueOptions>): Promise<QueueInfo> {
    this.calls.push(['declare', declaration]);
    const existing = this.byName.get(declaration.name);
    if (existing !== undefined && existing.options.limit !== queueOptions(declaration).limit) {
      throw new BrokerError('already-exists', `Cannot declare queue "${declaration.name}": it exists`);
    }
    const info = existing ?? queueInfo(declaration);
    this.byName.set(info.name, info);
    return info;
  }

  async deleteQueue(name: string, options: { readonly ifEmpty?: boolean } = {}): Promise<{ purged: number }> {
    const { ledger } = await this.queue(name);
    if (options.ifEmpty === true && ledger.ready > 0)
      throw new BrokerError('failed-precondition', `Cannot delete queue "${name}": it holds ${ledger.ready} messages`);
    this.byName.delete(name);
    return { purged: ledger.ready };
  }

  async purgeQueue(name: string): Promise<{ purged: number }> {
    return { purged: (await this.queue(name)).ledger.ready };
  }

  async pauseQueue(name: string): Promise<void> {
    this.byName.set(name, { ...(await this.queue(name)), paused: true });
  }

  async resumeQueue(name: string): Promise<void> {
    this.byName.set(name, { ...(await this.queue(name)), paused: false });
  }

  async peekQueue(name: string, limit: number): Promise<PeekedMessage[]> {
    await this.queue(name);
    return this.peeked.slice(0, limit);
  }

  async requeue(name: string, options: { readonly to?: string } = {}): Promise<{ moved: number }> {
    this.calls.push(['requeue', name, options]);
    await this.queue(name);
    return { moved: 2 };
  }

  async queue(name: string): Promise<QueueInfo> {
    const info = this.byName.get(name);
    if (info === undefined) throw new BrokerError('not-found', `Queue "${name}" not found`);
    return info;
  }

  async queues(page: { readonly prefix?: string; readonly limit: number; readonly offset: number }): Promise<{
    total: number;
    queues: QueueInfo[];
  }> {
    const found = [...this.byName.values()].filter(({ name }) => name.startsWith(page.prefix ?? ''));
    return { total: found.length, queues: found.slice(page.offset, page.offset + page.limit) };
  }

  async ledger(): Promise<LedgerReport> {
    const queues = [...this.byName.values()].map(({ name, ledger, imbalance }) => ({ name, ledger, imbalance }));
    const imbalance = queues.reduce((sum, queue) => sum + queue.imbalance, 0);
    return { balanced: imbalance === 0, imbalance, total: queues[0]?.ledger ?? ledgerCounts(), queues };
  }

  async clusterStatus(): Promise<ClusterStatus> {
    const member = { node: 'a', state: 'up', address: '127.0.0.1:4849', incarnation: 1, queues: 2, roundTripMs: 0.4 };
    return {
      cluster: 'test',
      node: 'a',
      members: [member],
      queues: { here: 2, there: 1, nowhere: 0 },
      moves: { outgoing: 0, incoming: 0, done: 3 },
      forwarded: { operations: 5, deliveries: 6, resent: 0 },
      routeRepairs: 0,
      lostQueues: ['gone'],
    };
  }

  async clusterPlan(without: string | undefined): Promise<readonly PlannedMove[]> {
    return without === undefined ? [] : [{ queue: 'q', from: without, to: 'a' }];
  }

  async stats(): Promise<NodeStats> {
    if (this.failure !== undefined) throw this.failure;
    return { shards: [shardSnapshot(0, [['/hsmq.v1.hsmq.HSMQ/Publish', 8]]), shardSnapshot(1)] };
  }
}
