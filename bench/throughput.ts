// Throughput and latency of the gRPC door, always as a ratio within one run: our node and the grpc-js server of the
// same service in turn (`grpc`), and one shard and two shards in turn (`shards`).
import type { LoadOptions, LoadResult } from './load.ts';
import { type Peer, runLoad, startGrpcJs, startNode } from './peers.ts';
import { median } from './report.ts';
import type { Measured, Row, Scenario, Size } from './scenario.ts';

const QUEUES = 4;

interface Effort {
  readonly rounds: number;
  readonly load: Partial<LoadOptions>;
  /** Messages of the run that is checked number by number, and hashed. */
  readonly checkedMessages: number;
}

const EFFORT: Readonly<Record<Size, Effort>> = {
  tiny: { rounds: 1, load: { warmSeconds: 0.2, seconds: 0.5 }, checkedMessages: 2_000 },
  full: { rounds: 3, load: { warmSeconds: 1, seconds: 4 }, checkedMessages: 200_000 },
};

export const grpcScenario: Scenario = {
  name: 'grpc',
  summary: 'hsmq Streaming 4 -> 4, 64 B, QoS 1, acked: our node on one shard against a grpc-js server',
  async run(size) {
    const effort = EFFORT[size];
    const starts = [() => startNode({ queues: QUEUES, shards: 1 }), () => startGrpcJs({ queues: QUEUES })];
    return withPeers(starts, async ([ours, theirs]) => {
      const checked = await runChecked(ours, effort);
      const rounds = await interleave([ours, theirs], effort);
      const calm = await runAtQuarter(ours, { effort, full: rate(rounds[0]) });
      return {
        rows: [
          row('ringmq, full speed', rounds[0]),
          row('grpc-js, full speed', rounds[1]),
          row('ringmq, quarter of full speed', [calm]),
        ],
        ratios: {
          'delivered/s, ringmq : grpc-js': rate(rounds[0]) / rate(rounds[1]),
          'p99 at a quarter of full speed, ms': calm.p99Us / 1000,
        },
        hash: checked.hash,
      };
    });
  },
};

export const shardsScenario: Scenario = {
  name: 'shards',
  summary: 'the same load on a node of two shards against a node of one',
  async run(size) {
    const effort = EFFORT[size];
    const starts = [1, 2].map((shards) => () => startNode({ queues: QUEUES, shards }));
    return withPeers(starts, async ([one, two]) => {
      const checked = await runChecked(two, effort);
      const rounds = await interleave([one, two], effort);
      return {
        rows: [row('1 shard', rounds[0]), row('2 shards', rounds[1])],
        ratios: { 'delivered/s, 2 shards : 1 shard': rate(rounds[1]) / rate(rounds[0]) },
        hash: checked.hash,
      };
    });
  },
};

/** Starts all peers, measures, and stops what was started whatever happened. */
async function withPeers(
  starts: readonly (() => Promise<Peer>)[],
  measure: (peers: readonly Peer[]) => Promise<Measured>,
): Promise<Measured> {
  const peers: Peer[] = [];
  try {
    for (const start of starts) peers.push(await start());
    return await measure(peers);
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
}

/** A run of a fixed number of messages: every number has to come exactly once, and gives the result's hash. */
async function runChecked(peer: Peer, effort: Effort): Promise<LoadResult> {
  const result = await runLoad(peer, { queues: QUEUES, messages: effort.checkedMessages });
  if (!result.complete) {
    throw new Error(
      `Cannot trust the measurement of ${peer.name}: ${result.lost} messages lost of ${result.published}`,
    );
  }
  return result;
}

/** All peers in turn, several rounds: what disturbs the machine disturbs them alike. Results per peer. */
async function interleave(peers: readonly Peer[], effort: Effort): Promise<LoadResult[][]> {
  const results: LoadResult[][] = peers.map(() => []);
  for (let round = 0; round < effort.rounds; round++) {
    for (const [index, peer] of peers.entries()) {
      results[index].push(await runLoad(peer, { ...effort.load, queues: QUEUES }));
    }
  }
  return results;
}

/** Latency means something below saturation only: a quarter of full speed, without a window that would hide waiting. */
function runAtQuarter(peer: Peer, options: { effort: Effort; full: number }): Promise<LoadResult> {
  return runLoad(peer, {
    ...options.effort.load,
    queues: QUEUES,
    rate: Math.round(options.full / 4),
    window: 1_000_000,
  });
}

const rate = (rounds: readonly LoadResult[]): number => median(rounds.map((result) => result.deliveredPerSecond));

function row(what: string, rounds: readonly LoadResult[]): Row {
  const cpu = rounds.flatMap((result) => result.cpuUsPerDelivery ?? []);
  const rss = rounds.at(-1)?.rssBytes;
  return {
    what,
    'delivered/s': rate(rounds),
    'p50 us': median(rounds.map((result) => result.p50Us)),
    'p99 us': median(rounds.map((result) => result.p99Us)),
    'CPU us/delivery': cpu.length === 0 ? undefined : median(cpu),
    'RSS MB': rss === undefined ? undefined : rss / 1e6,
    lost: rounds.reduce((sum, result) => sum + result.lost, 0),
  };
}
