// Virtual time: a binary heap of events by (time, order of arrival), and a hash of what ran. Two runs of one seed
// run the same events at the same times; the hash is how a test sees that.

interface Scheduled {
  readonly atMs: number;
  readonly order: number;
  readonly what: string;
  readonly run: () => void;
  cancelled: boolean;
}

/** Handle to take an event back. */
export type ScheduledEvent = Pick<Scheduled, 'cancelled'>;

const FNV_PRIME = 0x01000193;

export class Scheduler {
  nowMs = 0;
  /** Events that ran. */
  count = 0;
  #order = 0;
  #hash = 0x811c9dc5 | 0;
  readonly #heap: Scheduled[] = [];

  /** Hash over the times and names of all events that ran. */
  get hash(): number {
    return this.#hash >>> 0;
  }

  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  /** Runs `run` at `atMs`, or now when that has passed; events of one time run in the order they were scheduled. */
  at(atMs: number, what: string, run: () => void): ScheduledEvent {
    const event = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, what, run, cancelled: false };
    this.#push(event);
    return event;
  }

  after(delayMs: number, what: string, run: () => void): ScheduledEvent {
    return this.at(this.nowMs + delayMs, what, run);
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    for (;;) {
      const event = this.#pop();
      if (event === undefined) return false;
      if (event.cancelled) continue;
      this.nowMs = event.atMs;
      this.count++;
      this.#mix(event);
      event.run();
      return true;
    }
  }

  /** Runs every event up to `untilMs`, then stands at that time. */
  runUntil(untilMs: number): void {
    while (this.#heap.length > 0 && this.#heap[0].atMs <= untilMs) this.step();
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  #mix(event: Scheduled): void {
    let hash = this.#hash ^ Math.round(event.atMs * 1000);
    for (let index = 0; index < event.what.length; index++) {
      hash = Math.imul(hash ^ event.what.charCodeAt(index), FNV_PRIME);
    }
    this.#hash = Math.imul(hash ^ (hash >>> 15), FNV_PRIME);
  }

  #push(event: Scheduled): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Scheduled | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
