// The two timers a queue has beside those of its messages and fetches: when it has been idle for its time to live, and
// when the next deduplication ids are to be forgotten.
// Lives on: a shard, one per queue. Called by: Queue.
import type { TimingWheel } from '../base/timing-wheel.ts';
import type { Intake } from './intake.ts';
import type { Queue } from './queue.ts';
import type { QueueHandler } from './queue-handler.ts';

// Items of the wheel besides those of the delivery.
const IDLE_TIMER = -2;
const DEDUP_TIMER = -3;
const NO_TIMER = -1;

/** Most deduplication ids that are forgotten at once. */
const DEDUP_PRUNE_MAX = 10_000;

export class QueueTimers {
  readonly #queue: Queue;
  readonly #wheel: TimingWheel;
  readonly #handler: QueueHandler;
  readonly #intake: Intake;
  #idle = NO_TIMER;
  #dedup = NO_TIMER;

  constructor(queue: Queue, parts: { wheel: TimingWheel; handler: QueueHandler; intake: Intake; nowMs: number }) {
    this.#queue = queue;
    this.#wheel = parts.wheel;
    this.#handler = parts.handler;
    this.#intake = parts.intake;
    const { idleTtlMs } = queue.options;
    if (idleTtlMs > 0) this.#idle = this.#wheel.arm(parts.nowMs + idleTtlMs, queue.number, IDLE_TIMER);
  }

  /** Whether the item is one of these timers, which has gone off then. */
  timedOut(item: number, nowMs: number): boolean {
    if (item === IDLE_TIMER) this.#idleTimedOut(nowMs);
    else if (item === DEDUP_TIMER) this.#dedupTimedOut(nowMs);
    else return false;
    return true;
  }

  /** The same, without an effect. */
  forget(item: number): boolean {
    if (item === IDLE_TIMER) this.#idle = NO_TIMER;
    else if (item === DEDUP_TIMER) this.#dedup = NO_TIMER;
    else return false;
    return true;
  }

  disarm(): void {
    if (this.#idle !== NO_TIMER) this.#wheel.disarm(this.#idle);
    if (this.#dedup !== NO_TIMER) this.#wheel.disarm(this.#dedup);
    this.#idle = NO_TIMER;
    this.#dedup = NO_TIMER;
  }

  /** Ids may be there that nobody will forget yet. */
  watchDedup(deadlineMs: number): void {
    if (this.#dedup !== NO_TIMER || this.#intake.dedupCount === 0) return;
    this.#dedup = this.#wheel.arm(deadlineMs, this.#queue.number, DEDUP_TIMER);
  }

  #dedupTimedOut(nowMs: number): void {
    this.#dedup = NO_TIMER;
    const nextMs = this.#intake.pruneDedup(nowMs, DEDUP_PRUNE_MAX);
    // Ids that are forgotten a little late cost memory, a timer for each would cost time.
    const laterMs = nowMs + this.#queue.options.dedupWindowMs / 8;
    this.watchDedup(nextMs <= nowMs ? nextMs : Math.max(nextMs, laterMs));
  }

  #idleTimedOut(nowMs: number): void {
    const queue = this.#queue;
    const { idleTtlMs } = queue.options;
    this.#idle = NO_TIMER;
    if (queue.consumerCount + queue.fetchCount > 0) queue.touch(nowMs);
    const idleAtMs = queue.activeMs + idleTtlMs;
    if (idleAtMs <= nowMs) this.#handler.idle(queue);
    // An owner that keeps the queue is asked again.
    if (queue.isClosed) return;
    this.#idle = this.#wheel.arm(idleAtMs <= nowMs ? nowMs + idleTtlMs : idleAtMs, queue.number, IDLE_TIMER);
  }
}
