// npm run soak: a day's worth of messages in minutes. One node, one load, 100 queues; every message has to come exactly
// once, the ledger of the node has to balance with nothing left, and its memory has to come back to where it started.
// Ends with 1 when anything of that fails. --messages, --queues, --shards make it smaller or larger.
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { LoadResult } from './load.ts';
import { settledBytes } from './memory.ts';
import { adminGet, type Peer, runLoad, startNode } from './peers.ts';
import { residentBytes } from './process-usage.ts';

export interface SoakOptions {
  readonly messages: number;
  readonly queues: number;
  readonly shards: number;
  /** Prints a line of progress every so many seconds; 0 = never. */
  readonly progressSeconds: number;
}

export interface SoakReport {
  readonly load: LoadResult;
  readonly ledger: Ledger;
  /** Memory of the node before any client came. Bytes. */
  readonly rssEmpty: number;
  /** Memory after a first short load, when caches and heaps have their size; and after the soak. Bytes. */
  readonly rssStart: number;
  readonly rssEnd: number;
  /** What went wrong; empty when nothing did. */
  readonly faults: readonly string[];
}

/** What the soak reads of GET /api/v1/ledger. */
interface Ledger {
  readonly balanced: boolean;
  readonly imbalance: number;
  readonly total: {
    readonly accepted: number;
    readonly acked: number;
    readonly ready: number;
    readonly inFlight: number;
  };
}

/** The part of the messages that warms the node up before its memory is read: 1 %. */
const WARM_PART = 0.01;
const RSS_GROWTH_MAX = 1.2;
const LEDGER_PATIENCE_MS = 10_000;

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const node = await startNode({ queues: options.queues, shards: options.shards });
  try {
    return await soakNode(node, options);
  } finally {
    await node.stop();
  }
}

async function soakNode(node: Peer, options: SoakOptions): Promise<SoakReport> {
  const { queues, progressSeconds } = options;
  const warmMessages = Math.max(1000, Math.round(options.messages * WARM_PART));
  const rssEmpty = await settledBytes(node);
  const warm = await runLoad(node, { queues, messages: warmMessages });
  const rssStart = await settledBytes(node);
  const startMs = performance.now();
  const load = await runLoad(node, { queues, messages: options.messages, progressSeconds }, ({ received }) => {
    const seconds = (performance.now() - startMs) / 1000;
    const part = ((100 * received) / options.messages).toFixed(1);
    const megabytes = ((residentBytes(node.pid) ?? 0) / 1e6).toFixed(0);
    console.log(`${part} %  ${received} messages  ${Math.round(received / seconds)}/s  ${megabytes} MB`);
  });
  const ledger = await settledLedger(node);
  const rssEnd = await settledBytes(node);
  const expected = warm.published + load.published;
  const report = { load, ledger, rssEmpty, rssStart, rssEnd };
  return { ...report, faults: faultsOf(report, expected) };
}

/** The ledger once the last acks have arrived. */
async function settledLedger(node: Peer): Promise<Ledger> {
  const deadlineMs = performance.now() + LEDGER_PATIENCE_MS;
  for (;;) {
    const ledger = await adminGet<Ledger>(node, '/api/v1/ledger');
    const isEmpty = ledger.total.ready === 0 && ledger.total.inFlight === 0;
    if ((ledger.balanced && isEmpty) || performance.now() > deadlineMs) return ledger;
    await delay(100);
  }
}

function faultsOf(report: Omit<SoakReport, 'faults'>, expected: number): string[] {
  const { load, ledger, rssStart, rssEnd } = report;
  const { total } = ledger;
  const checks: readonly (readonly [boolean, string])[] = [
    [load.complete, `${load.lost} messages lost, or others came than were sent`],
    [load.publishErrors === 0, `${load.publishErrors} publishes refused`],
    [ledger.balanced, `ledger does not balance: ${ledger.imbalance} messages unaccounted for`],
    [total.accepted === expected, `${total.accepted} messages accepted of ${expected} published`],
    [total.acked === expected, `${total.acked} messages acked of ${expected} delivered`],
    [total.ready + total.inFlight === 0, `${total.ready} messages ready and ${total.inFlight} in flight at the end`],
    [rssEnd <= rssStart * RSS_GROWTH_MAX, `memory grew from ${rssStart} to ${rssEnd} bytes`],
  ];
  return checks.filter(([holds]) => !holds).map(([, fault]) => fault);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      messages: { type: 'string', default: '100000000' },
      queues: { type: 'string', default: '100' },
      shards: { type: 'string', default: '1' },
    },
  });
  const [messages, queues, shards] = [Number(values.messages), Number(values.queues), Number(values.shards)];
  const report = await soak({ messages, queues, shards, progressSeconds: 5 });
  const { load, ledger, faults } = report;
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
  console.log(`${load.received} messages through ${queues} queues in ${load.seconds.toFixed(1)} s`);
  console.log(`${Math.round(load.deliveredPerSecond)} deliveries/s, p99 ${load.p99Us} us, result hash ${load.hash}`);
  console.log(`ledger: accepted ${ledger.total.accepted}, acked ${ledger.total.acked}, imbalance ${ledger.imbalance}`);
  const [empty, warm, end] = [report.rssEmpty, report.rssStart, report.rssEnd].map(megabytes);
  console.log(`memory: ${empty} empty, ${warm} warm, ${end} at the end`);
  for (const fault of faults) console.log(`FAULT: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
