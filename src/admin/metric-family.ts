// A metric as data: its name, and how its values follow from one look at the node. Nothing is counted here: queues and
// doors count as they work, and a scrape reads them all at one moment.
// Lives on: main. Called by: metrics.ts.
import type { NodeView, QueueInfo } from '../broker/node-view.ts';
import type { ShardSnapshot } from '../broker/snapshots.ts';

/** Everything a scrape reads, gathered once. */
export interface NodeSample {
  readonly view: NodeView;
  readonly shards: readonly ShardSnapshot[];
  readonly queues: readonly QueueInfo[];
  /** Queues with series of their own; empty when there are too many, then `summed` stands for all. */
  readonly listed: readonly QueueInfo[];
  readonly summed: boolean;
  readonly queueSeriesMax: number;
}

/** One value. `sharedLabels` are the same object in many values, so that their text is made once. */
export interface FamilyValue {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly sharedLabels?: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly values: (sample: NodeSample) => FamilyValue[];
}

/** A family of one value without labels. */
export function single(
  name: string,
  options: { help: string; type: MetricFamily['type']; value: (sample: NodeSample) => number },
): MetricFamily {
  const { help, type, value } = options;
  return { name, help, type, values: (sample) => [{ labels: {}, value: value(sample) }] };
}

/** A family of one value a shard. */
export function perShard(
  name: string,
  options: { help: string; type: MetricFamily['type']; value: (shard: ShardSnapshot) => number },
): MetricFamily {
  const { help, type, value } = options;
  return {
    name,
    help,
    type,
    values: ({ shards }) => shards.map((shard) => ({ labels: { shard: shard.shard }, value: value(shard) })),
  };
}

/**
 * Values of each listed queue by `read` (label value -> number), or of all queues together under an empty name, which
 * no queue can have, when they are too many for series of their own.
 */
export function perQueue(
  sample: NodeSample,
  options: {
    readonly queueLabel: string;
    readonly label: string;
    readonly read: Readonly<Record<string, (queue: QueueInfo) => number>>;
  },
): FamilyValue[] {
  const { queueLabel, label, read } = options;
  const kinds = Object.entries(read).map(([value, of]) => ({ labels: { [label]: value }, of }));
  if (sample.summed) {
    const sharedLabels = { [queueLabel]: '' };
    return kinds.map(({ labels, of }) => ({
      labels,
      sharedLabels,
      value: sample.queues.reduce((sum, queue) => sum + of(queue), 0),
    }));
  }
  return sample.listed.flatMap((queue) => {
    const sharedLabels = { [queueLabel]: queue.name };
    return kinds.map(({ labels, of }) => ({ labels, sharedLabels, value: of(queue) }));
  });
}
