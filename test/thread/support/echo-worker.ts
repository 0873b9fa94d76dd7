// One of two threads: 0 sends records of changing sizes as fast as the ring takes them, 1 sends each back; 0 checks
// that all come back in order and as they were.
import { parentPort, workerData } from 'node:worker_threads';
import { RING_CHUNK_BYTES_MAX } from '../../../src/base/limits.ts';
import { Mailbox, type Mesh } from '../../../src/thread/mailbox.ts';
import type { SharedBytes } from '../../../src/thread/ring.ts';

const { mesh, self, count } = workerData as { mesh: Mesh; self: number; count: number };
const buffer = new ArrayBuffer(RING_CHUNK_BYTES_MAX * 2);
const record: SharedBytes = {
  bytes: Buffer.from(buffer),
  words: new Int32Array(buffer),
  doubles: new Float64Array(buffer),
};
let sent = 0;
let received = 0;
let bytes = 0;

/** Mostly small, now and then larger than a part. */
function sizeOf(index: number): number {
  if (index % 100_000 === 7) return RING_CHUNK_BYTES_MAX + 8;
  return 64 + (index % 13) * 8;
}

function send(): void {
  for (let burst = 0; burst < 1000 && sent < count && mailbox.hasRoom(1); burst++) {
    const size = sizeOf(sent);
    record.words[0] = size;
    record.words[1] = sent;
    record.words[(size >> 2) - 1] = sent;
    mailbox.postRecord(1, 1, sent, 0, 0, 0, 0, 0, record, 0);
    sent++;
  }
  mailbox.flush();
  if (sent < count && mailbox.hasRoom(1)) setImmediate(send);
}

function receive(memory: SharedBytes, offset: number, target: number): void {
  const word = offset >> 2;
  const size = memory.words[word];
  if (target !== received || memory.words[word + 1] !== received || memory.words[word + (size >> 2) - 1] !== received) {
    throw new Error(`Record ${received} came as ${target}, ${memory.words[word + 1]}`);
  }
  received++;
  bytes += size;
  if (self === 1) mailbox.postRecord(0, 1, target, 0, 0, 0, 0, 0, memory, offset);
  if (received === count) {
    mailbox.flush();
    parentPort?.postMessage({ received, bytes });
  }
}

const mailbox: Mailbox = new Mailbox({
  self,
  mesh,
  handler: {
    receive: (_from, _operation, target, _a, _b, _c, _d, _e, memory, offset) => receive(memory, offset, target),
    room: () => {
      if (self === 0) send();
    },
  },
});
mailbox.start();
// Keeps the thread alive until the test ends it.
parentPort?.on('message', () => {});
if (self === 0) send();
