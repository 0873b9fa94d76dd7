// The rings between two threads: how many records a second go to another thread and back, and how long a thread that
// sleeps takes to answer. With the native doorbell and without, in turn.
import { Worker } from 'node:worker_threads';
import { native } from '../native/index.ts';
import { createMesh } from '../src/thread/mailbox.ts';
import { median } from './report.ts';
import type { RingJob } from './ring-worker.ts';
import type { Measured, Row, Scenario, Size } from './scenario.ts';

const EFFORT = {
  tiny: { records: 20_000, pings: 200, runs: 1 },
  full: { records: 5_000_000, pings: 50_000, runs: 3 },
} as const satisfies Readonly<Record<Size, object>>;

interface Run {
  readonly ms: number;
  /** CPU time of the first thread, us. */
  readonly cpuUs: number;
}

/** Runs one job on two fresh threads. */
async function run(job: Omit<RingJob, 'mesh' | 'self'>, options: { readonly native: boolean }): Promise<Run> {
  const mesh = createMesh(2);
  const env = { ...process.env, RINGMQ_NATIVE: options.native ? '1' : '0' };
  const file = new URL('./ring-worker.ts', import.meta.url);
  const workers = [0, 1].map((self) => new Worker(file, { workerData: { ...job, mesh, self } satisfies RingJob, env }));
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('online', resolve))));
  const result = new Promise<Run>((resolve, reject) => {
    workers[0].once('message', resolve);
    for (const worker of workers) worker.once('error', reject);
  });
  workers[0].postMessage('begin');
  const measured = await result;
  await Promise.all(workers.map((worker) => worker.terminate()));
  return measured;
}

export const ringScenario: Scenario = {
  name: 'ring',
  summary: 'two threads: records a second to and fro, and the answer of a sleeping thread, native doorbell or not',
  async run(size) {
    const { records, pings, runs } = EFFORT[size];
    const forms = native === undefined ? [false] : [false, true];
    const times = new Map<string, number[]>();
    const add = (key: string, value: number): void => {
      times.set(key, [...(times.get(key) ?? []), value]);
    };
    for (let round = 0; round < runs; round++) {
      for (const form of forms) {
        const streamed = await run({ kind: 'stream', count: records, size: 64 }, { native: form });
        add(`M records/s ${form}`, records / streamed.ms / 1000);
        const pinged = await run({ kind: 'ping', count: pings, size: 64 }, { native: form });
        add(`answer us ${form}`, (pinged.ms * 1000) / pings);
        add(`cpu us ${form}`, pinged.cpuUs / pings);
      }
    }
    const of = (key: string): number => median(times.get(key) ?? [Number.NaN]);
    const rows: Row[] = forms.map((form) => ({
      doorbell: form ? 'native' : 'TypeScript',
      'M records/s to and fro': of(`M records/s ${form}`),
      'answer of a sleeping thread us': of(`answer us ${form}`),
      'CPU us an answer': of(`cpu us ${form}`),
    }));
    const ratios: Record<string, number> =
      native === undefined
        ? {}
        : {
            'answer, native : TypeScript': of('answer us true') / of('answer us false'),
            'CPU an answer, native : TypeScript': of('cpu us true') / of('cpu us false'),
          };
    return { rows, ratios, hash: `${records}-${pings}` } satisfies Measured;
  },
};
