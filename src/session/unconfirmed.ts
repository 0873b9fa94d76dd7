// The publishes of one session that wait for queues on other shards, or for room in a full one. Numbers are given in
// order and confirmed in any order; what is asked back is the request id to confirm to the client.
// Lives on: a shard, one for each publishing session. Pure.
import { assert } from '../base/assert.ts';
import { isRefused } from '../core/publish-result.ts';

interface Waiting {
  /** Queues that have not answered. */
  remaining: number;
  readonly requestId: string;
  readonly topic: string;
  /** Worst answer so far (a PublishResult), and the queue that gave it. */
  result: number;
  queueName: string;
  /** False for QoS 0: errors are told, success is not. */
  readonly confirm: boolean;
}

export class Unconfirmed {
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  get count(): number {
    return this.#waiting.size;
  }

  /** The number the next publish will have. */
  get nextNumber(): number {
    return this.#next;
  }

  /** Takes the number for a publish that was answered at once or waits through `add`. */
  advance(): void {
    this.#next = (this.#next + 1) & 0x7fffffff;
  }

  add(publish: number, waiting: Waiting): void {
    assert(waiting.remaining > 0, 'an unconfirmed publish waits for a queue');
    this.#waiting.set(publish, waiting);
  }

  /** One queue answered. Returns the publish when that was the last answer. */
  answered(publish: number, result: number, queueName: string): Waiting | undefined {
    const waiting = this.#waiting.get(publish);
    if (waiting === undefined) return undefined;
    if (isRefused(result) && !isRefused(waiting.result)) {
      waiting.result = result;
      waiting.queueName = queueName;
    }
    waiting.remaining--;
    if (waiting.remaining > 0) return undefined;
    this.#waiting.delete(publish);
    return waiting;
  }
}
