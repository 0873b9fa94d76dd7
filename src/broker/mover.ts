// Moves what is ready in one queue into another, for an operator. A batch at a time, each answered before the next is
// begun, so that sockets get their turns and millions of messages never stand in a ring.
// Lives on: a shard, the one of the source. Called by: ShardControl.
import type { Queue } from '../core/queue.ts';
import type { ShardBroker } from './shard-broker.ts';

const BATCH = 1_000;

/** Moves as many messages as are ready now; ends early when one is refused. Returns how many moved. */
export async function moveReady(broker: ShardBroker, queue: Queue, to: string): Promise<number> {
  let moved = 0;
  for (let left = queue.readyCount; left > 0; left -= BATCH) {
    const asked = Math.min(left, BATCH);
    const taken = await moveBatch(broker, queue, { to, limit: asked });
    moved += taken;
    if (taken < asked) break;
    await new Promise(setImmediate);
  }
  return moved;
}

function moveBatch(broker: ShardBroker, queue: Queue, batch: { to: string; limit: number }): Promise<number> {
  return new Promise((resolve) => {
    let taken = 0;
    // One more than are under way, so that no answer ends the batch before it is complete.
    let waiting = 1;
    const answered = (isTaken: boolean): void => {
      if (isTaken) taken++;
      waiting--;
      if (waiting === 0) resolve(taken);
    };
    const visit = (message: number) => {
      const answer = broker.transfer(queue, message, batch.to, answered);
      if (answer === 'later') waiting++;
      if (answer === 'taken') taken++;
      return answer;
    };
    queue.takeReady(batch.limit, visit, broker.nowMs());
    answered(false);
  });
}
