// Counts events of one kind in windows of time: so many are fine, more are a flood.

/** One a connection and kind of frame. */
export class FloodGuard {
  readonly #max: number;
  readonly #windowMs: number;
  #count = 0;
  #windowEndsMs = 0;

  constructor(options: { readonly max: number; readonly windowMs: number }) {
    this.#max = options.max;
    this.#windowMs = options.windowMs;
  }

  /** Counts one; false when it is one too many. */
  count(nowMs: number): boolean {
    if (nowMs >= this.#windowEndsMs) {
      this.#windowEndsMs = nowMs + this.#windowMs;
      this.#count = 0;
    }
    this.#count++;
    return this.#count <= this.#max;
  }

  reset(): void {
    this.#count = 0;
  }
}
