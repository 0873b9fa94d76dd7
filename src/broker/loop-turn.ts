// One turn of a shard's event loop: its time, read once, and the work to do at its end (publish rings, ring doorbells).
// Lives on: a shard, one. Called by everything that takes input on that shard.

export class LoopTurn {
  readonly #atEnd: () => void;
  #nowMs = 0;
  #open = false;

  constructor(atEnd: () => void) {
    this.#atEnd = atEnd;
  }

  /** Time of this turn, ms since the epoch; the first call of a turn reads the clock. */
  nowMs(): number {
    if (!this.#open) this.#begin();
    return this.#nowMs;
  }

  /** Makes sure that the end of this turn is worked off. */
  touch(): void {
    if (!this.#open) this.#begin();
  }

  #begin(): void {
    this.#open = true;
    this.#nowMs = Date.now();
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    this.#open = false;
    this.#atEnd();
  };
}
