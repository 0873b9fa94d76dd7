// The metrics of RingMQ's own: the ledger of every queue, and how the shards and the rings between them are.
// Lives on: main. Called by: metrics.ts.
import { totalmem } from 'node:os';
import type { QueueInfo } from '../broker/node-view.ts';
import type { RingSnapshot } from '../broker/snapshots.ts';
import { type FamilyValue, type MetricFamily, type NodeSample, perQueue, perShard, single } from './metric-family.ts';

/**
 * Accounts of the ledger by the label they have in metrics. The first twelve balance: accepted = the sum of the
 * others.
 */
const LEDGER_ACCOUNTS: Readonly<Record<string, (queue: QueueInfo) => number>> = {
  accepted: ({ ledger }) => ledger.accepted,
  acked: ({ ledger }) => ledger.acked,
  ready: ({ ledger }) => ledger.ready,
  'in-flight': ({ ledger }) => ledger.inFlight,
  delayed: ({ ledger }) => ledger.delayed,
  expired: ({ ledger }) => ledger.expired,
  'dropped-limit': ({ ledger }) => ledger.droppedLimit,
  'dropped-max-deliveries': ({ ledger }) => ledger.droppedMaxDeliveries,
  'dropped-memory': ({ ledger }) => ledger.droppedMemory,
  'dead-lettered': ({ ledger }) => ledger.deadLettered,
  purged: ({ ledger }) => ledger.purged,
  moved: ({ ledger }) => ledger.moved,
  redelivered: ({ ledger }) => ledger.redelivered,
  blocked: ({ ledger }) => ledger.blocked,
  'rejected-full': ({ ledger }) => ledger.rejectedFull,
  'rejected-memory': ({ ledger }) => ledger.rejectedMemory,
  'rejected-duplicate': ({ ledger }) => ledger.rejectedDuplicate,
};

const LOOP_QUANTILES = { '0.5': 'p50', '0.99': 'p99', '1': 'max' } as const;

export const RINGMQ_METRICS: readonly MetricFamily[] = [
  {
    name: 'ringmq_ledger',
    help: 'Accounts of the ledger of a queue: accepted is the sum of acked to moved',
    type: 'gauge',
    values: (sample) => perQueue(sample, { queueLabel: 'queue', label: 'account', read: LEDGER_ACCOUNTS }),
  },
  single('ringmq_ledger_imbalance', {
    help: 'Accepted messages that are nowhere, over all queues: 0 unless the broker has a fault',
    type: 'gauge',
    value: ({ queues }) => queues.reduce((sum, { imbalance }) => sum + Math.abs(imbalance), 0),
  }),
  single('ringmq_queues', { help: 'Queues of the node', type: 'gauge', value: ({ queues }) => queues.length }),
  single('ringmq_queue_series_summed', {
    help: 'Whether the queues are too many for series of their own, so that one with an empty name stands for all',
    type: 'gauge',
    value: ({ summed }) => Number(summed),
  }),
  single('ringmq_queue_series_limit', {
    help: 'Most queues that get series of their own',
    type: 'gauge',
    value: ({ queueSeriesMax }) => queueSeriesMax,
  }),
  {
    name: 'ringmq_shard_event_loop_lag_seconds',
    help: 'How late the event loop of a shard was since the last scrape',
    type: 'gauge',
    values: loopLag,
  },
  perShard('ringmq_shard_event_loop_utilization', {
    help: 'Part of the time since the last scrape in which the event loop of a shard was busy, 0 to 1',
    type: 'gauge',
    value: ({ loopUtilization }) => loopUtilization,
  }),
  ringFamily('ringmq_ring_bytes', 'gauge', { help: 'Bytes in the ring between two shards', of: 'usedBytes' }),
  ringFamily('ringmq_ring_overflow_bytes', 'gauge', {
    help: 'Bytes that wait for room in the ring; their sources are not read meanwhile',
    of: 'overflowBytes',
  }),
  ringFamily('ringmq_ring_sent_total', 'counter', { help: 'Records sent from one shard to another', of: 'sent' }),
  ringFamily('ringmq_ring_wakes_total', 'counter', { help: 'Times a parked shard was woken by another', of: 'wakes' }),
  perShard('ringmq_shard_sessions', {
    help: 'Open sessions of a shard',
    type: 'gauge',
    value: ({ sessions }) => sessions,
  }),
  perShard('ringmq_shard_connections', {
    help: 'Open connections of a shard',
    type: 'gauge',
    value: ({ grpc }) => grpc.connections,
  }),
  perShard('ringmq_shard_received_bytes_total', {
    help: 'Bytes read by the gRPC door of a shard',
    type: 'counter',
    value: ({ grpc }) => grpc.bytesIn,
  }),
  perShard('ringmq_shard_sent_bytes_total', {
    help: 'Bytes written by the gRPC door of a shard',
    type: 'counter',
    value: ({ grpc }) => grpc.bytesOut,
  }),
  perShard('ringmq_shard_buffered_bytes', {
    help: 'Bytes of unfinished requests in the gRPC door of a shard',
    type: 'gauge',
    value: ({ grpc }) => grpc.bufferedBytes,
  }),
  perShard('ringmq_shard_output_bytes', {
    help: 'Bytes of responses in the gRPC door of a shard that clients have not taken',
    type: 'gauge',
    value: ({ grpc }) => grpc.outputBytes,
  }),
  perShard('ringmq_shard_message_bytes', {
    help: 'Bytes of the messages that the queues of a shard hold',
    type: 'gauge',
    value: ({ messageBytes }) => messageBytes,
  }),
  perShard('ringmq_shard_heap_bytes', {
    help: 'JavaScript heap in use by a shard',
    type: 'gauge',
    value: ({ heapUsedBytes }) => heapUsedBytes,
  }),
  single('ringmq_machine_memory_bytes', {
    help: 'Memory of the machine',
    type: 'gauge',
    value: () => totalmem(),
  }),
  {
    name: 'ringmq_state',
    help: 'State of the node: 1 for the one it is in',
    type: 'gauge',
    values: ({ view }) => {
      const now = view.state();
      return ['starting', 'serving', 'draining', 'stopped'].map((state) => ({
        labels: { state },
        value: Number(state === now),
      }));
    },
  },
  {
    name: 'ringmq_build_info',
    help: 'Version of the node and of its runtime; always 1',
    type: 'gauge',
    values: ({ view }) => [
      { labels: { version: view.version, node: view.name, runtime: process.versions.node }, value: 1 },
    ],
  },
];

function loopLag({ shards }: NodeSample): FamilyValue[] {
  return shards.flatMap(({ shard, loopDelayMs }) =>
    Object.entries(LOOP_QUANTILES).map(([quantile, key]) => ({
      labels: { shard, quantile },
      value: loopDelayMs[key] / 1000,
    })),
  );
}

function ringFamily(
  name: string,
  type: MetricFamily['type'],
  options: { help: string; of: Exclude<keyof RingSnapshot, 'to'> },
): MetricFamily {
  return {
    name,
    help: options.help,
    type,
    values: ({ shards }) =>
      shards.flatMap(({ shard, rings }) =>
        rings.map((ring) => ({ labels: { from: shard, to: ring.to }, value: ring[options.of] })),
      ),
  };
}
