// How long to wait before the next attempt to connect: doubling from a tenth of a second to five seconds, each
// shortened by up to half at random, so that clients that lost the same node do not come back in step.
// Called by: publisher.ts, consumer.ts.

const FIRST_DELAY_MS = 100;
const DELAY_MS_MAX = 5_000;

/** Delay before attempt `attempt` (0 is the first), ms. `random` is from 0 to 1. */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(FIRST_DELAY_MS * 2 ** Math.min(attempt, 16), DELAY_MS_MAX);
  return full * (1 - random / 2);
}

/** One outage: attempts since the connection was lost, and whether it is time to give up. */
export class Outage {
  readonly #patienceMs: number;
  #attempt = 0;
  #sinceMs = 0;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** The connection works: the next loss begins anew. */
  over(): void {
    this.#attempt = 0;
  }

  /** Delay until the next attempt, ms; undefined when the outage has lasted for too long. */
  nextDelayMs(nowMs: number, random: number): number | undefined {
    if (this.#attempt === 0) this.#sinceMs = nowMs;
    const delayMs = backoffMs(this.#attempt++, random);
    return nowMs + delayMs - this.#sinceMs > this.#patienceMs ? undefined : delayMs;
  }
}
