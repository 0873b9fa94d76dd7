// Envelopes that found their ring full, in order, until it has room. What comes from sockets stops soon after the ring
// fills (Mailbox.hasRoom); what queues say is bounded by their consumers' prefetch. So this is short-lived and bounded
// by those, and its size is a metric.
// Lives on: the producing thread, one for each peer.

const FIRST_WORDS = 16 * 1024;

export class Overflow {
  #words = new Int32Array(0);
  #start = 0;
  #end = 0;

  get usedBytes(): number {
    return (this.#end - this.#start) * 4;
  }

  get isEmpty(): boolean {
    return this.#start === this.#end;
  }

  /** Makes room for an envelope of `size` bytes at the end and returns the words and the index to write it at. */
  append(size: number): { readonly words: Int32Array; readonly at: number } {
    const count = size / 4;
    if (this.#end + count > this.#words.length) this.#makeRoom(count);
    const at = this.#end;
    this.#end += count;
    return { words: this.#words, at };
  }

  /** Size in bytes of the first envelope. */
  firstSize(): number {
    return this.#words[this.#start];
  }

  /** Moves the first envelope to `target` at the word index `at`. */
  moveFirst(target: Int32Array, at: number): void {
    const count = this.#words[this.#start] / 4;
    target.set(this.#words.subarray(this.#start, this.#start + count), at);
    this.#start += count;
    if (this.#start < this.#end) return;
    this.#start = this.#end = 0;
    // A burst's memory is not kept for ever.
    if (this.#words.length > FIRST_WORDS) this.#words = new Int32Array(0);
  }

  #makeRoom(count: number): void {
    const used = this.#end - this.#start;
    const needed = used + count;
    const target = needed * 2 > this.#words.length ? new Int32Array(Math.max(FIRST_WORDS, needed * 2)) : this.#words;
    target.set(this.#words.subarray(this.#start, this.#end), 0);
    this.#words = target;
    this.#start = 0;
    this.#end = used;
  }
}
