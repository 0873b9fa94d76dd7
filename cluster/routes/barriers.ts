// Whoever binds a queue may wait until every node that is up knows of it: then no publish, wherever, misses it. Peers
// are asked to say when they have a frame; a slow one is waited for no longer than a second, and counted.
// Called by: routes.ts.
import { ROUTE_LIMITS } from '../limits.ts';

interface Barrier {
  readonly seq: number;
  readonly dueMs: number;
  readonly waiting: Set<string>;
}

export class Barriers {
  readonly #open = new Map<number, Barrier>();
  readonly #onDone: (barrier: number, isLate: boolean) => void;
  /** Barriers that ended before all peers had answered. */
  late = 0;

  constructor(onDone: (barrier: number, isLate: boolean) => void) {
    this.#onDone = onDone;
  }

  get dueMs(): number {
    for (const barrier of this.#open.values()) return barrier.dueMs;
    return Number.POSITIVE_INFINITY;
  }

  /** Opens a barrier at a frame; `peers` are those that have to tell. */
  open(number: number, at: { seq: number; peers: ReadonlySet<string>; nowMs: number }): void {
    const isFull = this.#open.size >= ROUTE_LIMITS.barriersMax;
    if (isFull) this.late++;
    if (isFull || at.peers.size === 0) this.#onDone(number, isFull);
    else this.#open.set(number, { seq: at.seq, dueMs: at.nowMs + ROUTE_LIMITS.barrierMs, waiting: new Set(at.peers) });
  }

  /** The frame that a peer still has to tell of, for a peer whose link is new; undefined when it has to tell none. */
  awaited(peer: string): number | undefined {
    let seq: number | undefined;
    for (const barrier of this.#open.values()) {
      if (barrier.waiting.has(peer)) seq = Math.max(seq ?? 0, barrier.seq);
    }
    return seq;
  }

  reached(peer: string, seq: number): void {
    this.#settle(peer, (barrier) => barrier.seq <= seq);
  }

  /** A peer that is not up is not waited for. */
  gone(peer: string): void {
    this.#settle(peer, () => true);
  }

  expire(nowMs: number): void {
    for (const [number, barrier] of this.#open) {
      if (barrier.dueMs > nowMs) return;
      this.#open.delete(number);
      this.late++;
      this.#onDone(number, true);
    }
  }

  /** Takes the peer off, and ends those that wait for nobody more. */
  #settle(peer: string, isReached: (barrier: Barrier) => boolean): void {
    for (const [number, barrier] of this.#open) {
      if (isReached(barrier)) barrier.waiting.delete(peer);
      if (barrier.waiting.size > 0) continue;
      this.#open.delete(number);
      this.#onDone(number, false);
    }
  }
}
