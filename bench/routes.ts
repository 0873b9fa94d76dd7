// A million subscriptions that one node tells another: bytes on the wire, time on both sides, memory of the copy, and
// what a lookup costs. Once each filter by itself, and once as the summary that a node publishes above 50,000 of them.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { packControl, unpackControl } from '../cluster/link/control-codec.ts';
import { Routes } from '../cluster/routes/routes.ts';
import type { Row, Scenario, Size } from './scenario.ts';

const FILTERS = { tiny: 2_000, full: 1_000_000 } as const satisfies Readonly<Record<Size, number>>;
const LOOKUPS = { tiny: 1_000, full: 1_000_000 } as const satisfies Readonly<Record<Size, number>>;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const filterOf = (index: number): string => `dev/site${index % 1_000}/unit${Math.floor(index / 1_000)}/cmd`;

interface Told {
  readonly row: Row;
  readonly copyMs: number;
  readonly hash: string;
}

/** Of everything a process has: summaries lie outside of the heap. */
function usedBytes(): number {
  // What the first one finds unused may keep more.
  for (let round = 0; round < 3; round++) collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function newRoutes(self: string, summaryAbove: number, send: (message: object) => void): Routes {
  return new Routes({
    self,
    incarnation: 1,
    random: () => 0.5,
    port: { send: (_peer, message) => send(message), barrierDone: () => {} },
    sizes: { summaryAbove },
  });
}

/** The origin's side. It is gone with the call, so that the memory of the copy can be told. */
function tell(count: number, summaryAbove: number): { frames: readonly Buffer[]; tellMs: number } {
  const frames: Buffer[] = [];
  const origin = newRoutes('a', summaryAbove, (message) => frames.push(packControl(message)));
  origin.peerUp('b', 0);
  frames.length = 0;
  const tellMs = timed(() => {
    for (let index = 0; index < count; index++) {
      origin.subscribe({ space: '', filter: filterOf(index), kind: 'session', shard: index & 3 }, 0);
    }
    origin.tick(1_000);
  });
  return { frames, tellMs };
}

function measure(form: string, options: { size: Size; summaryAbove: number }): Told {
  const count = FILTERS[options.size];
  const { frames, tellMs } = tell(count, options.summaryAbove);
  const before = usedBytes();
  const copy = newRoutes('b', options.summaryAbove, () => {});
  copy.peerUp('a', 0);
  const copyMs = timed(() => {
    for (const frame of frames) copy.receive('a', unpackControl(frame), 0);
  });
  const used = usedBytes() - before;
  const row: Row = {
    form,
    filters: count,
    'bytes/filter': frames.reduce((sum, frame) => sum + frame.length, 0) / count,
    'tell ms': tellMs,
    'copy ms': copyMs,
    'copy bytes/filter': used / count,
    ...timeLookups(copy, count, LOOKUPS[options.size]),
  };
  return { row, copyMs, hash: copy.replicaHead('a')?.root.join('-') ?? '' };
}

/** ns for a topic that is wanted, for one that is not, and how many of those seemed to be (in a million). */
function timeLookups(copy: Routes, count: number, lookups: number): Row {
  let found = 0;
  let wrong = 0;
  const hitMs = timed(() => {
    for (let index = 0; index < lookups; index++) found += copy.match('', filterOf((index * 7_919) % count)).length;
  });
  const missMs = timed(() => {
    for (let index = 0; index < lookups; index++) wrong += copy.match('', `none/site${index}/cmd`).length;
  });
  return {
    'hit ns': (hitMs * 1e6) / lookups,
    'miss ns': (missMs * 1e6) / lookups,
    'found %': (found * 100) / lookups,
    'false %': (wrong * 100) / lookups,
  };
}

function timed(run: () => void): number {
  const beganMs = performance.now();
  run();
  return performance.now() - beganMs;
}

export const routesScenario: Scenario = {
  name: 'routes',
  summary: 'a node tells another of a million filters: bytes, time, memory and lookups, one by one and as a summary',
  async run(size) {
    const single = measure('each', { size, summaryAbove: Number.POSITIVE_INFINITY });
    const summary = measure('summary', { size, summaryAbove: FILTERS[size] / 20 });
    return {
      rows: [single.row, summary.row],
      ratios: { 'copy, summary : each': summary.copyMs / single.copyMs },
      hash: `${single.hash} ${summary.hash}`,
    };
  },
};
