// The metrics that hsmq has, under its names and labels: its dashboards and alerts go on working.
// Lives on: main. Called by: metrics.ts.
import type { DoorSnapshot } from '../broker/snapshots.ts';
import { type FamilyValue, type MetricFamily, type NodeSample, perQueue } from './metric-family.ts';

export const HSMQ_METRICS: readonly MetricFamily[] = [
  {
    name: 'hsmq_queue_total',
    help: 'Events of a queue: received, sent to consumers, given back, timed out, acked late, dropped over the limit',
    type: 'counter',
    values: (sample) =>
      perQueue(sample, {
        queueLabel: 'name',
        label: 'event',
        read: {
          received: ({ ledger }) => ledger.received,
          sent: ({ ledger }) => ledger.delivered,
          requeue: ({ ledger }) => ledger.requeued,
          'ack-timeout': ({ ledger }) => ledger.ackTimeout,
          'ack-after': ({ ledger }) => ledger.ackAfter,
          'drop-limit': ({ ledger }) => ledger.droppedLimit,
        },
      }),
  },
  {
    name: 'hsmq_queue',
    help: 'What a queue holds: waiting messages, consumers, delivered messages that are not acked',
    type: 'gauge',
    values: (sample) =>
      perQueue(sample, {
        queueLabel: 'name',
        label: 'm',
        read: {
          messages: ({ ledger }) => ledger.ready + ledger.delayed,
          consumers: ({ consumers }) => consumers,
          unacked: ({ ledger }) => ledger.inFlight,
        },
      }),
  },
  {
    name: 'hsmq_grpc_total',
    help: 'Events of the gRPC door; the reason is the method of a request, or why something was refused',
    type: 'counter',
    values: grpcEvents,
  },
  {
    name: 'hsmq_grpc',
    help: 'What the gRPC door holds open',
    type: 'gauge',
    values: ({ shards }) => [
      { labels: { m: 'connections' }, value: sumOf(shards.map(({ grpc }) => grpc.connections)) },
      { labels: { m: 'streams' }, value: sumOf(shards.map(({ grpc }) => grpc.streams)) },
    ],
  },
  {
    name: 'hsmq_jwt_total',
    help: 'Tokens that were verified, by the name of their secret',
    type: 'counter',
    values: ({ shards }) =>
      valuesOf(
        shards.map(({ jwtVerified }) => Object.entries(jwtVerified)),
        (name) => ({ name }),
      ),
  },
];

function grpcEvents({ shards }: NodeSample): FamilyValue[] {
  const counted = (event: string, reason: string, value: number): FamilyValue => ({ labels: { event, reason }, value });
  return [
    counted('connection', 'ok', sumOf(shards.map(({ grpc }) => grpc.connectionsTotal))),
    counted('publish', 'ok', sumOf(shards.map(({ counters }) => counters.publishes))),
    counted('publish', 'error', sumOf(shards.map(({ counters }) => counters.publishErrors))),
    counted('publish', 'lost', sumOf(shards.map(({ counters }) => counters.publishesLost))),
    counted('consume', 'ok', sumOf(shards.map(({ counters }) => counters.deliveries))),
    ...doorEvents(
      shards.map(({ grpc }) => grpc),
      'request',
    ),
    ...doorEvents(
      shards.map(({ grpc }) => grpc),
      'refused',
    ),
  ];
}

/** The reason of a request is the last segment of its path: the method. */
function doorEvents(doors: readonly DoorSnapshot[], event: 'request' | 'refused'): FamilyValue[] {
  const counts = doors.map((door) => (event === 'request' ? door.requests : door.refused).entries());
  return valuesOf(counts, (reason) => ({ event, reason: reason.slice(reason.lastIndexOf('/') + 1) }));
}

/** One value a key, summed over all shards. Keys that give the same labels are summed too. */
function valuesOf(
  counts: readonly Iterable<[string, number]>[],
  labelsOf: (key: string) => Record<string, string>,
): FamilyValue[] {
  const sums = new Map<string, { labels: Record<string, string>; value: number }>();
  for (const entries of counts) {
    for (const [key, value] of entries) {
      const labels = labelsOf(key);
      const found = sums.get(JSON.stringify(labels));
      if (found === undefined) sums.set(JSON.stringify(labels), { labels, value });
      else found.value += value;
    }
  }
  return [...sums.values()];
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
