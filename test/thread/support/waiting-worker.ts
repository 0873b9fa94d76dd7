// A thread with a mailbox that waits, and nothing else that would keep it.
import { parentPort, workerData } from 'node:worker_threads';
import { Mailbox, type Mesh } from '../../../src/thread/mailbox.ts';

const { mesh, self, mode } = workerData as { mesh: Mesh; self: number; mode: 'alone' | 'listening' | 'throwing' };
const mailbox = new Mailbox({
  self,
  mesh,
  handler: {
    receive: (from, _operation, target) => {
      if (mode === 'throwing') throw new Error('thrown by the handler');
      parentPort?.postMessage({ from, target });
    },
    room: () => {},
  },
});
mailbox.start();
if (mode !== 'alone') {
  parentPort?.once('message', () => {
    mailbox.stop();
    parentPort?.unref();
  });
}
parentPort?.postMessage('started');
