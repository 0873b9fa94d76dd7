// `ringmq bench`: how fast a node is, seen from grpc-js clients of this process. For the broker's own limits, which
// are far above those of one grpc-js process, see bench/ of the repository. Its queues are its own and go with it.
// Called by: program.ts.
import { type Command, Option } from 'commander';
import type { RingClient } from '../client/index.ts';
import type { AdminClient } from './admin-client.ts';
import { type BenchResult, BenchRun, STAMP_BYTES } from './bench-run.ts';
import { addAdminOptions, addGrpcOptions, openAdmin, openClient } from './connect-options.ts';
import { interruptSignal } from './interrupt.ts';
import { durationText, type LatencySummary } from './latency.ts';
import { printFacts, printJson, printLine } from './output.ts';
import { queuePath } from './queue-views.ts';
import { durationMs, wholeNumber } from './values.ts';

/** The queues of a bench that was killed go by themselves after this, ms. */
const QUEUE_IDLE_TTL_MS = 60_000;

const PROGRESS_MS = 100;

interface BenchFlags {
  readonly publishers: number;
  readonly consumers: number;
  readonly topics: number;
  readonly size: number;
  readonly seconds: number;
  readonly rate?: number;
  readonly window: number;
  readonly qos: '0' | '1';
  readonly prefetch: number;
  readonly json?: boolean;
}

export function addBench(program: Command): void {
  const clients = wholeNumber({ min: 1, max: 1_000 });
  const command = program
    .command('bench')
    .description('measure throughput and latency of a node, with queues of its own')
    .option('--publishers <number>', 'publishing connections', clients, 2)
    .option('--consumers <number>', 'consuming connections', clients, 2)
    .option('--topics <number>', 'topics, each with a queue', clients, 2)
    .option('-s, --size <bytes>', 'body of a message', wholeNumber({ min: STAMP_BYTES, max: 4_000_000 }), 64)
    .addOption(
      new Option('-d, --seconds <duration>', 'how long to publish: 5, 500ms, 1m')
        .argParser(durationMs)
        .default(5_000, '5s'),
    )
    .option('-r, --rate <per-second>', 'messages a second over all publishers', wholeNumber({ min: 1 }))
    .option('-w, --window <number>', 'most messages published and not delivered yet', wholeNumber({ min: 1 }), 512)
    .option('-p, --prefetch <number>', 'prefetch of a consumer', wholeNumber({ min: 1, max: 65_535 }), 1_024)
    .addOption(new Option('-q, --qos <level>', '1: confirmed, 0: not').choices(['0', '1']).default('1'))
    .option('--json', 'print the result as JSON');
  addAdminOptions(addGrpcOptions(command), { withToken: false }).action(bench);
}

async function bench(flags: BenchFlags): Promise<void> {
  const interrupt = interruptSignal();
  const admin = openAdmin(flags);
  const queues = Array.from({ length: flags.topics }, (_, index) => `ringmq-bench-${process.pid}-${index}`);
  const publishers: RingClient[] = [];
  const consumers: RingClient[] = [];
  try {
    for (const name of queues) await declare(admin, name);
    for (let index = 0; index < flags.publishers; index++) publishers.push(await openClient(flags));
    for (let index = 0; index < flags.consumers; index++) consumers.push(await openClient(flags));
    const run = new BenchRun({
      sizeBytes: flags.size,
      seconds: flags.seconds / 1000,
      rate: flags.rate,
      window: flags.window,
      qos: flags.qos === '0' ? 0 : 1,
      prefetch: flags.prefetch,
      queues,
      publishers,
      consumers,
      interrupt,
    });
    const result = await withProgress(run, { seconds: flags.seconds / 1000 });
    await report(result, { run, json: flags.json === true });
  } finally {
    await Promise.all([...publishers, ...consumers].map((client) => client.close()));
    await Promise.allSettled(queues.map((name) => admin.delete(queuePath(name))));
  }
}

function declare(admin: AdminClient, name: string): Promise<unknown> {
  return admin.put(queuePath(name), { topics: [name], idleTtlMs: QUEUE_IDLE_TTL_MS });
}

/** Shows a bar on a terminal, nothing elsewhere. */
async function withProgress(run: BenchRun, { seconds }: { seconds: number }): Promise<BenchResult> {
  if (process.stderr.isTTY !== true) return run.run();
  const { SingleBar } = await import('cli-progress');
  const format = '{bar} {value}/{total} s | {delivered} delivered';
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true, hideCursor: true });
  const startMs = performance.now();
  bar.start(seconds, 0, { delivered: 0 });
  const timer = setInterval(() => {
    const value = Math.min(seconds, Math.round((performance.now() - startMs) / 100) / 10);
    bar.update(value, { delivered: run.delivered.toLocaleString('en-US') });
  }, PROGRESS_MS);
  try {
    return await run.run();
  } finally {
    clearInterval(timer);
    bar.stop();
  }
}

async function report(result: BenchResult, { run, json }: { run: BenchRun; json: boolean }): Promise<void> {
  const latencyUs = run.latency.summary();
  if (json) return printJson({ ...result, latencyUs });
  await printFacts({ ...result, ...latencyFacts(latencyUs) });
  await printLine(['From publish to delivery:', ...run.latency.picture()].join('\n'));
}

function latencyFacts(summary: LatencySummary): Record<string, string> {
  return Object.fromEntries(Object.entries(summary).map(([name, us]) => [`latency ${name}`, durationText(us)]));
}
