// Turns a shard's timing wheel with one Node timer: set to the wheel's next deadline, moved forward when an earlier one
// is armed. An idle shard wakes for nothing.
// Lives on: a shard, one.
import type { TimingWheel } from '../base/timing-wheel.ts';

/** Longest sleep, ms: Node timers end at 2^31. */
const SLEEP_MS_MAX = 0x7fffffff;

export class WheelDriver {
  readonly #wheel: TimingWheel;
  readonly #fire: (owner: number, item: number, nowMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(wheel: TimingWheel, fire: (owner: number, item: number, nowMs: number) => void) {
    this.#wheel = wheel;
    this.#fire = fire;
  }

  /** Called at the end of each loop turn: makes sure the shard wakes for the wheel's next deadline. */
  schedule(): void {
    const nextMs = this.#wheel.nextMs();
    if (nextMs >= this.#wakeAtMs) return;
    clearTimeout(this.#timer);
    this.#wakeAtMs = nextMs;
    const delayMs = Math.min(SLEEP_MS_MAX, Math.max(1, nextMs - Date.now()));
    this.#timer = setTimeout(this.#wake, delayMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  readonly #wake = (): void => {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const nowMs = Date.now();
    this.#wheel.advance(nowMs, (owner, item) => this.#fire(owner, item, nowMs));
    this.schedule();
  };
}
