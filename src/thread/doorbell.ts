// Wakes a thread that ran out of work, from another thread, with one shared word a thread:
//
//   0 awake   somebody looks at the rings anyway: ringing costs one load
//   1 parked  nothing to read when it last looked: whoever publishes next sets 0 and wakes it
//
// Lives on: every shard; the owner parks, the others ring.

const AWAKE = 0;
const PARKED = 1;

/** Lets others wake the thread that `#words[index]` stands for. */
export class Doorbell {
  readonly #words: Int32Array;
  readonly #index: number;

  constructor(words: Int32Array, index: number) {
    this.#words = words;
    this.#index = index;
  }

  /** Wakes the owner if it is parked; true when it was. Called after a publish. */
  ring(): boolean {
    // The publish came before this load; the owner stores PARKED before it looks at the rings a last time. In whatever
    // order the two threads run, either we see PARKED or the owner sees what we published.
    if (Atomics.load(this.#words, this.#index) === AWAKE) return false;
    // Only one of several ringers takes the word from PARKED to AWAKE, and only that one wakes the owner.
    if (Atomics.exchange(this.#words, this.#index, AWAKE) === AWAKE) return false;
    Atomics.notify(this.#words, this.#index);
    return true;
  }

  /** Owner: says that it is about to wait. It must look at its rings once more before wait(). */
  park(): void {
    Atomics.store(this.#words, this.#index, PARKED);
  }

  /** Owner: found something after park() after all. */
  unpark(): void {
    Atomics.store(this.#words, this.#index, AWAKE);
  }

  /** Owner: resolves when somebody rings; at once when somebody has since park(). Does not keep the thread alive. */
  wait(): Promise<unknown> | undefined {
    const waiting = Atomics.waitAsync(this.#words, this.#index, PARKED);
    return waiting.async ? waiting.value : undefined;
  }
}
