// What messages at rest cost: memory of a million queued messages, speed of a very deep queue against an empty one, and
// the time that a node with many queues needs to start.
import { setTimeout as delay } from 'node:timers/promises';
import { type Peer, runLoad, startNode } from './peers.ts';
import { residentBytes } from './process-usage.ts';
import type { Measured, Scenario, Size } from './scenario.ts';

const EFFORT = {
  tiny: { queued: 20_000, depth: 20_000, queues: 500, seconds: 0.4 },
  full: { queued: 1_000_000, depth: 10_000_000, queues: 50_000, seconds: 4 },
} as const satisfies Readonly<Record<Size, object>>;

export const memoryScenario: Scenario = {
  name: 'memory',
  summary: 'memory of 1,000,000 queued messages, speed at a depth of 10,000,000, start with 50,000 queues',
  async run(size) {
    const memory = await measureMemory(EFFORT[size].queued);
    const depth = await measureDepth(EFFORT[size]);
    const start = await measureStart(EFFORT[size].queues);
    return {
      rows: [...memory.rows, ...depth.rows, ...start.rows],
      ratios: { ...memory.ratios, ...depth.ratios, ...start.ratios },
      hash: depth.hash,
    };
  },
};

async function withNode<T>(
  options: { queues: number; queueLimit: number },
  use: (node: Peer) => Promise<T>,
): Promise<T> {
  const node = await startNode({ ...options, shards: 1 });
  try {
    return await use(node);
  } finally {
    await node.stop();
  }
}

async function measureMemory(queued: number): Promise<Measured> {
  return withNode({ queues: 1, queueLimit: queued * 2 }, async (node) => {
    const before = await settledBytes(node);
    await runLoad(node, { publishers: 2, consumers: 0, queues: 1, messages: queued });
    const after = await settledBytes(node);
    const megabytes = (after - before) / 1e6;
    const perMessage = (after - before) / queued;
    return {
      rows: [{ what: `${queued} queued messages of 64 B`, 'RSS MB over empty': megabytes, 'B/message': perMessage }],
      ratios: { 'memory : payload': perMessage / 64 },
      hash: '',
    };
  });
}

async function measureDepth(effort: { depth: number; seconds: number }): Promise<Measured> {
  const load = { publishers: 2, consumers: 2, queues: 1, warmSeconds: effort.seconds / 4, seconds: effort.seconds };
  return withNode({ queues: 1, queueLimit: effort.depth * 4 }, async (node) => {
    const empty = await runLoad(node, load);
    const fill = await runLoad(node, { publishers: 2, consumers: 0, queues: 1, messages: effort.depth });
    const deep = await runLoad(node, load);
    return {
      rows: [
        { what: 'empty queue', 'delivered/s': empty.deliveredPerSecond },
        { what: `filling up to ${effort.depth}`, 'accepted/s': fill.publishedPerSecond },
        {
          what: `queue of ${effort.depth}`,
          'delivered/s': deep.deliveredPerSecond,
          'accepted/s': deep.publishedPerSecond,
        },
      ],
      ratios: { 'delivered/s, deep : empty': deep.deliveredPerSecond / empty.deliveredPerSecond },
      hash: `${fill.published}`,
    };
  });
}

async function measureStart(queues: number): Promise<Measured> {
  const startMs = performance.now();
  const seconds = await withNode({ queues, queueLimit: 1000 }, async () => (performance.now() - startMs) / 1000);
  return { rows: [{ what: `start with ${queues} queues`, seconds }], ratios: { 'start, s': seconds }, hash: '' };
}

/** Memory once it stops to move: a garbage collection may come a little after the load. */
export async function settledBytes(node: Peer): Promise<number> {
  const read = (): number => {
    const bytes = residentBytes(node.pid);
    if (bytes === undefined) throw new Error('Cannot measure memory: this system has no /proc');
    return bytes;
  };
  let last = read();
  for (let round = 0; round < 20; round++) {
    await delay(250);
    const now = read();
    if (Math.abs(now - last) < last / 200) return now;
    last = now;
  }
  return last;
}
