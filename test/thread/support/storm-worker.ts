// One of several threads that all post to all others, one or a few envelopes a flush, so that many ring one bell at the
// same time while its owner falls asleep and wakes. Ends when everything from everybody has come, in order.
import { parentPort, workerData } from 'node:worker_threads';
import { Mailbox, type Mesh } from '../../../src/thread/mailbox.ts';

const { mesh, self, count } = workerData as { mesh: Mesh; self: number; count: number };
const others = Array.from({ length: mesh.threads }, (_, thread) => thread).filter((thread) => thread !== self);
const received = new Array<number>(mesh.threads).fill(0);
let missing = others.length * count;
let sent = 0;
// Not random, but different on every thread and in every turn.
let state = self + 1;

function next(bound: number): number {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 16) % bound;
}

function send(): void {
  for (let burst = 1 + next(3); burst > 0 && sent < count; burst--) {
    for (const to of others) mailbox.post(to, 1, sent, 0, 0, 0, 0, 0);
    sent++;
  }
  mailbox.flush();
  if (sent < count) next(4) === 0 ? setTimeout(send, 0) : setImmediate(send);
}

const mailbox: Mailbox = new Mailbox({
  self,
  mesh,
  handler: {
    receive: (from, _operation, target) => {
      if (target !== received[from]++) throw new Error(`Envelope ${received[from] - 1} of ${from} came as ${target}`);
      if (--missing === 0) parentPort?.postMessage({ received, wakes: others.map((to) => mailbox.ring(to).wakes) });
    },
    room: () => {},
  },
});
mailbox.start();
parentPort?.on('message', () => {});
send();
