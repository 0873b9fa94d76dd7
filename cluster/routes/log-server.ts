// Answers what peers ask about this node's log: frames they missed, the whole table in chunks, or the buckets in which
// their copy differs. A snapshot reads the table while it changes: frames go on in between, and whoever applies both in
// the order they are sent has the table as it is at the end. Each answer is bounded, and the next is asked for.
// Called by: routes.ts.
import { ROUTE_LIMITS } from '../limits.ts';
import type { RouteRoot } from './keyed-table.ts';
import type { RouteLog } from './route-log.ts';
import { OpsChunker, type RouteCheck, type RouteMark, type RouteMessage, type RouteSums } from './route-message.ts';
import type { RouteValue } from './route-value.ts';

interface Snapshot {
  readonly id: number;
  readonly entries: Iterator<[string, RouteValue]>;
  n: number;
  done: boolean;
}

type Send = (peer: string, message: RouteMessage) => void;

export const sameRoot = (a: RouteRoot, b: RouteRoot): boolean => a[0] === b[0] && a[1] === b[1];

export class LogServer {
  readonly #log: RouteLog;
  readonly #send: Send;
  /** One at a time to each peer. */
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #comparedMs = new Map<string, number>();
  #lastId = 0;
  /** Snapshots begun, and buckets sent to peers that differed. */
  snapshots = 0;
  bucketsSent = 0;

  constructor(log: RouteLog, send: Send) {
    this.#log = log;
    this.#send = send;
  }

  peerDown(peer: string): void {
    this.#snapshots.delete(peer);
    this.#comparedMs.delete(peer);
  }

  pull(peer: string, { i, s }: RouteMark): void {
    const frames = this.#log.after(i === this.#log.incarnation ? s : 0);
    if (frames === undefined) {
      this.#startSnapshot(peer);
      return;
    }
    for (const frame of frames) this.#send(peer, frame);
    const last = frames.at(-1);
    this.#sendHead(peer, last !== undefined && last.s < this.#log.seq);
  }

  more(peer: string, id: number): void {
    const snapshot = this.#snapshots.get(peer);
    if (snapshot?.id === id) this.#sendChunk(peer, snapshot);
  }

  /** Says how far the log is when the peer's copy is not what it should be. */
  check(peer: string, { i, s, root }: RouteCheck): void {
    const { incarnation, seq, table } = this.#log;
    // A copy that is ahead of its original was made by mistake.
    if (i === incarnation && s > seq) this.#startSnapshot(peer);
    else if (i !== incarnation || s !== seq || !sameRoot(root, table.root)) this.#sendHead(peer, false);
  }

  /** Sends the buckets that differ now; those that changed since the peer made its sums are among them, harmlessly. */
  compare(peer: string, { i, sums }: RouteSums, nowMs: number): void {
    const { incarnation, seq, table } = this.#log;
    const comparedMs = this.#comparedMs.get(peer);
    // It reads the whole table: not as often as a peer likes.
    if (i !== incarnation || (comparedMs !== undefined && nowMs - comparedMs < ROUTE_LIMITS.behindGraceMs)) return;
    this.#comparedMs.set(peer, nowMs);
    const differing = table.differing(sums);
    if (differing.size > ROUTE_LIMITS.repairBucketsMax) {
      this.#startSnapshot(peer);
      return;
    }
    this.bucketsSent += differing.size;
    const head = { t: 'route-fix', i: incarnation, s: seq, buckets: [...differing] } as const;
    const chunk = new OpsChunker(this.#log.sizes.opsPerFrameMax);
    let n = 0;
    for (const [key, value] of table.inBuckets(differing)) {
      if (chunk.add(key, value)) this.#send(peer, { ...head, n: n++, last: false, ops: chunk.take() });
    }
    this.#send(peer, { ...head, n, last: true, ops: chunk.take() });
    this.#sendHead(peer, false);
  }

  #startSnapshot(peer: string): void {
    const snapshot = { id: ++this.#lastId, entries: this.#log.table.entries(), n: 0, done: false };
    this.#snapshots.set(peer, snapshot);
    this.snapshots++;
    for (let sent = 0; sent < ROUTE_LIMITS.snapshotWindow && !snapshot.done; sent++) this.#sendChunk(peer, snapshot);
  }

  #sendChunk(peer: string, snapshot: Snapshot): void {
    const { incarnation, seq, table } = this.#log;
    const chunk = new OpsChunker(this.#log.sizes.opsPerFrameMax);
    for (let full = false; !full; ) {
      const next = snapshot.entries.next();
      if (next.done) {
        snapshot.done = true;
        break;
      }
      full = chunk.add(next.value[0], next.value[1]);
    }
    const ops = chunk.take();
    const message = { t: 'route-snap', i: incarnation, s: seq, id: snapshot.id, n: snapshot.n++, ops } as const;
    if (!snapshot.done) {
      this.#send(peer, message);
      return;
    }
    this.#snapshots.delete(peer);
    this.#send(peer, { ...message, root: table.root });
    this.#sendHead(peer, false);
  }

  #sendHead(peer: string, more: boolean): void {
    const { incarnation, seq, table } = this.#log;
    this.#send(peer, { t: 'route-head', i: incarnation, s: seq, root: table.root, more });
  }
}
