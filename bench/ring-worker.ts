// One of the two threads of the ring and native scenarios: either echoes records as fast as they come, or sends a
// single envelope to and fro, so that each thread sleeps while the other writes.
import { parentPort, workerData } from 'node:worker_threads';
import { Mailbox, type Mesh } from '../src/thread/mailbox.ts';
import type { SharedBytes } from '../src/thread/ring.ts';

export interface RingJob {
  readonly mesh: Mesh;
  readonly self: number;
  readonly kind: 'stream' | 'ping';
  readonly count: number;
  /** Bytes of a record. */
  readonly size: number;
}

const BURST = 1000;
const job = workerData as RingJob;
const buffer = new ArrayBuffer(job.size);
const record: SharedBytes = {
  bytes: Buffer.from(buffer),
  words: new Int32Array(buffer),
  doubles: new Float64Array(buffer),
};
record.words[0] = job.size;
const streaming = job.kind === 'stream';
let sent = 0;
let received = 0;
let startedMs = 0;

function send(): void {
  for (let burst = 0; burst < BURST && sent < job.count && mailbox.hasRoom(1); burst++) {
    mailbox.postRecord(1, 1, sent++, 0, 0, 0, 0, 0, record, 0);
  }
  mailbox.flush();
  if (streaming && sent < job.count && mailbox.hasRoom(1)) setImmediate(send);
}

function receive(memory: SharedBytes, offset: number, target: number): void {
  if (job.self === 1) {
    mailbox.postRecord(0, 1, target, 0, 0, 0, 0, 0, memory, offset);
    return;
  }
  received++;
  if (received === job.count) {
    const cpu = process.threadCpuUsage();
    parentPort?.postMessage({ ms: performance.now() - startedMs, cpuUs: cpu.user + cpu.system });
  } else if (!streaming) {
    mailbox.postRecord(1, 1, sent++, 0, 0, 0, 0, 0, record, 0);
  }
}

const mailbox: Mailbox = new Mailbox({
  self: job.self,
  mesh: job.mesh,
  handler: {
    receive: (_from, _operation, target, _a, _b, _c, _d, _e, memory, offset) => receive(memory, offset, target),
    room: () => {
      if (job.self === 0 && streaming) send();
    },
  },
});
mailbox.start();
// Keeps the thread until the scenario ends it, and says when to begin.
parentPort?.on('message', () => {
  startedMs = performance.now();
  if (streaming) {
    send();
    return;
  }
  mailbox.postRecord(1, 1, sent++, 0, 0, 0, 0, 0, record, 0);
  mailbox.flush();
});
