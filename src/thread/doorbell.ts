// Wakes a thread that ran out of work, from another thread, with one shared word a thread:
//
//   0 awake   somebody looks at the rings anyway: ringing costs one load
//   1 parked  nothing to read when it last looked: whoever publishes next sets 0 and wakes it
//
// A second word says how the owner sleeps: 0 = in Atomics.waitAsync, n + 1 = on native doorbell n, an uv_async of its
// own loop, which spares the promise and the detour over the platform's task queue.
// Lives on: every shard; the owner parks, the others ring.
import { type NativeDoorbells, native } from '../../native/index.ts';
import { assert } from '../base/assert.ts';

const AWAKE = 0;
const PARKED = 1;

/** Words from one thread's doorbell to the next: a cache line, so that ringing one does not slow another. */
const STRIDE_WORDS = 16;
const WORD_STATE = 0;
const WORD_NATIVE = 1;

/** Bytes of shared memory for the doorbells of so many threads. */
export function doorbellBytes(threads: number): number {
  return threads * STRIDE_WORDS * 4;
}

/** What any thread may do with a doorbell: ring it. */
export class Doorbell {
  protected readonly words: Int32Array;
  protected readonly at: number;
  protected readonly native: NativeDoorbells | undefined;

  constructor(
    memory: SharedArrayBuffer,
    options: { readonly thread: number; readonly native?: NativeDoorbells | undefined },
  ) {
    this.words = new Int32Array(memory);
    this.at = options.thread * STRIDE_WORDS;
    this.native = 'native' in options ? options.native : native;
  }

  /** Wakes the owner if it is parked; true when it was. Called after a publish. */
  ring(): boolean {
    // The publish came before this load; the owner stores PARKED before it looks at the rings a last time. In whatever
    // order the two threads run, either we see PARKED or the owner sees what we published.
    if (Atomics.load(this.words, this.at + WORD_STATE) === AWAKE) return false;
    // Only one of several ringers takes the word from PARKED to AWAKE, and only that one wakes the owner.
    if (Atomics.exchange(this.words, this.at + WORD_STATE, AWAKE) === AWAKE) return false;
    const number = Atomics.load(this.words, this.at + WORD_NATIVE);
    if (number === 0) Atomics.notify(this.words, this.at + WORD_STATE);
    else {
      // Better an end that is noticed than a thread that sleeps for ever.
      assert(this.native !== undefined, 'a thread that rings a native doorbell has loaded the native helper');
      this.native.ringDoorbell(number - 1);
    }
    return true;
  }
}

/** The owner's end. `onRing` is called once for each wait() that was rung. */
export class OwnDoorbell extends Doorbell {
  readonly #onRing: () => void;
  #waiting = false;

  constructor(
    memory: SharedArrayBuffer,
    options: { readonly thread: number; readonly native?: NativeDoorbells | undefined; readonly onRing: () => void },
  ) {
    super(memory, options);
    this.#onRing = options.onRing;
    const number = this.native === undefined ? 0 : this.native.createDoorbell(this.#rung) + 1;
    // Published before anybody can see PARKED, so a ringer knows how to wake us.
    Atomics.store(this.words, this.at + WORD_NATIVE, number);
  }

  /** Says that the owner is about to wait. It must look at its rings once more before wait(). */
  park(): void {
    Atomics.store(this.words, this.at + WORD_STATE, PARKED);
  }

  /** The owner found something after park() after all. */
  unpark(): void {
    Atomics.store(this.words, this.at + WORD_STATE, AWAKE);
  }

  /** Waits to be rung; false when somebody rang since park(). Does not keep the thread alive. */
  wait(): boolean {
    if (Atomics.load(this.words, this.at + WORD_NATIVE) > 0) {
      // A ring since park() has sent its wake-up already: it comes as the callback.
      this.#waiting = true;
      return true;
    }
    const waiting = Atomics.waitAsync(this.words, this.at + WORD_STATE, PARKED);
    if (!waiting.async) return false;
    this.#waiting = true;
    waiting.value.then(this.#rung);
    return true;
  }

  /** The owner waits no more. Who rings from now on wakes nobody. */
  close(): void {
    const number = Atomics.exchange(this.words, this.at + WORD_NATIVE, 0);
    if (number > 0) this.native?.closeDoorbell(number - 1);
  }

  /** A native ring may also come late, after unpark(): nobody waits then. */
  readonly #rung = (): void => {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#onRing();
  };
}
