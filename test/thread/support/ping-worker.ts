// One of two threads that send a single envelope to and fro, so that each is asleep whenever the other writes.
import { parentPort, workerData } from 'node:worker_threads';
import { Mailbox, type Mesh } from '../../../src/thread/mailbox.ts';

const { mesh, self, count } = workerData as { mesh: Mesh; self: number; count: number };
const mailbox: Mailbox = new Mailbox({
  self,
  mesh,
  handler: {
    receive: (_from, _operation, round) => {
      if (self === 0 && round === count) parentPort?.postMessage('done');
      else mailbox.post(1 - self, 1, self === 0 ? round + 1 : round, 0, 0, 0, 0, 0);
    },
    room: () => {},
  },
});
mailbox.start();
parentPort?.on('message', () => {});
if (self === 0) {
  mailbox.post(1, 1, 1, 0, 0, 0, 0, 0);
  mailbox.flush();
}
