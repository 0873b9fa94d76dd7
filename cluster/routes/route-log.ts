// This node's own log: the only writer of its routes. Changes gather for a few milliseconds, a key that changes twice
// is sent once, then they become a numbered frame: the table is always exactly what all frames up to `seq` make.
// Recent frames are kept, so that a peer that missed some gets those and not the whole table.
// Called by: routes.ts, log-server.ts.
import { BrokerError } from '../../src/base/errors.ts';
import { ROUTE_LIMITS } from '../limits.ts';
import { KeyedTable } from './keyed-table.ts';
import { checkEntry } from './route-entry.ts';
import type { RouteFrame, RouteHead } from './route-message.ts';
import { type RouteValue, sameValue } from './route-value.ts';

interface KeptFrame {
  readonly frame: RouteFrame;
  readonly ops: number;
  readonly bytes: number;
}

/** Limits that tests make small, to see with few routes what happens with many. */
export interface RouteSizes {
  readonly opsPerFrameMax: number;
  readonly ringOpsMax: number;
  readonly summaryAbove: number;
  readonly summaryBelow: number;
}

interface LogOptions {
  readonly sizes: RouteSizes;
  readonly origin: string;
  readonly incarnation: number;
  readonly onFrame: (frame: RouteFrame) => void;
}

export class RouteLog {
  readonly table = new KeyedTable();
  readonly origin: string;
  readonly incarnation: number;
  readonly sizes: RouteSizes;
  readonly #onFrame: (frame: RouteFrame) => void;
  /** Number of the last frame. */
  seq = 0;
  /** How long changes gather; longer when there are many peers to tell. */
  flushMs: number = ROUTE_LIMITS.flushMs;
  #dueMs = Number.POSITIVE_INFINITY;
  #pending = new Map<string, RouteValue | null>();
  #pendingBytes = 0;
  /** The last frames by number; the first of the map is the oldest. */
  readonly #kept = new Map<number, KeptFrame>();
  #keptOps = 0;
  #keptBytes = 0;

  constructor(options: LogOptions) {
    this.sizes = options.sizes;
    this.origin = options.origin;
    this.incarnation = options.incarnation;
    this.#onFrame = options.onFrame;
  }

  /** When flush() is due. */
  get dueMs(): number {
    return this.#dueMs;
  }

  get head(): RouteHead {
    const { origin, incarnation, seq } = this;
    return { origin, incarnation, seq, root: this.table.root };
  }

  /** Sets a key or, with undefined, removes it. Positional: called for each of a million filters. */
  put(key: string, value: RouteValue | undefined, nowMs: number): void {
    if (sameValue(this.table.get(key), value)) {
      this.#pending.delete(key);
      return;
    }
    if (value !== undefined) this.#checkRoom(key);
    this.#pendingBytes += checkEntry(key, value ?? null);
    this.#pending.set(key, value ?? null);
    if (this.#dueMs === Number.POSITIVE_INFINITY) this.#dueMs = nowMs + this.flushMs;
    if (this.#pending.size >= this.sizes.opsPerFrameMax || this.#pendingBytes >= ROUTE_LIMITS.frameBytes) {
      this.flush();
    }
  }

  /** Makes a frame of what is pending, if anything is. */
  flush(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    const bytes = this.#pendingBytes;
    this.#pendingBytes = 0;
    if (this.#pending.size === 0) return;
    const ops: (RouteValue | null)[] = [];
    for (const [key, value] of this.#pending) {
      this.table.put(key, value ?? undefined);
      ops.push(key, value);
    }
    this.#pending.clear();
    const frame: RouteFrame = { t: 'route', o: this.origin, i: this.incarnation, s: ++this.seq, ops };
    this.#keep({ frame, ops: ops.length / 2, bytes });
    this.#onFrame(frame);
  }

  /**
   * Frames behind `seq`, up to so many bytes at once; undefined when the whole table is what helps: the frames are no
   * longer there, or they are more than it.
   */
  after(seq: number): RouteFrame[] | undefined {
    if (seq > this.seq || (seq < this.seq && !this.#kept.has(seq + 1))) return undefined;
    const frames: RouteFrame[] = [];
    let ops = 0;
    let bytes = 0;
    for (let next = seq + 1; next <= this.seq; next++) {
      const kept = this.#kept.get(next) as KeptFrame;
      ops += kept.ops;
      if (bytes < ROUTE_LIMITS.pullBytesMax) frames.push(kept.frame);
      bytes += kept.bytes;
    }
    return ops > this.table.size + this.sizes.opsPerFrameMax ? undefined : frames;
  }

  #checkRoom(key: string): void {
    if (this.table.size + this.#pending.size < ROUTE_LIMITS.entriesMax) return;
    if (this.table.get(key) !== undefined || this.#pending.has(key)) return;
    throw new BrokerError(
      'resource-exhausted',
      `Cannot publish a route: the node has ${ROUTE_LIMITS.entriesMax}, remove some`,
    );
  }

  #keep(kept: KeptFrame): void {
    this.#kept.set(kept.frame.s, kept);
    this.#keptOps += kept.ops;
    this.#keptBytes += kept.bytes;
    for (const [seq, oldest] of this.#kept) {
      if (this.#keptOps <= this.sizes.ringOpsMax && this.#keptBytes <= ROUTE_LIMITS.ringBytesMax) return;
      this.#kept.delete(seq);
      this.#keptOps -= oldest.ops;
      this.#keptBytes -= oldest.bytes;
    }
  }
}
