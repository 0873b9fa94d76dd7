// What sessions of this node have with one queue of another node: their subscriptions, their fetches that wait, their
// publishes that are not confirmed. When its owner dies this is told to the next one.
// Lives on: the cluster's thread, one for each queue that is elsewhere.
import { addressOf } from '../../src/broker/address.ts';
import { Operation } from '../../src/broker/operation.ts';
import { PublishResult } from '../../src/core/publish-result.ts';
import { type RecordMemory, recordCopy } from '../../src/core/record.ts';

/** One operation, to be told again. */
export interface EdgeOperation {
  readonly origin: number;
  readonly operation: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly memory: RecordMemory | undefined;
}

interface EdgeSession {
  readonly origin: number;
  readonly session: number;
  prefetch: number | undefined;
  /** Time-outs of fetches, ms, by number. */
  readonly fetches: Map<number, number>;
  /** Records of unconfirmed publishes by number. */
  readonly publishes: Map<number, RecordMemory>;
}

export class Edge {
  readonly #sessions = new Map<number, EdgeSession>();

  /** Somebody here asks something of the queue. */
  asked(
    origin: number,
    operation: number,
    a: number,
    b: number,
    c: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    switch (operation) {
      case Operation.publish:
        if (b >= 0) this.#session(origin, a).publishes.set(b, recordCopy(memory, offset));
        return;
      case Operation.subscribe:
        this.#session(origin, a).prefetch = b;
        return;
      case Operation.fetch:
        this.#session(origin, a).fetches.set(b, c);
        return;
      case Operation.unsubscribe:
        this.#sessions.delete(keyOf(origin, a));
        return;
      default:
    }
  }

  confirmed(origin: number, session: number, publish: number, result: number): void {
    if (result !== PublishResult.blocked) this.#sessions.get(keyOf(origin, session))?.publishes.delete(publish);
  }

  fetched(origin: number, session: number, fetch: number): void {
    if (fetch >= 0) this.#sessions.get(keyOf(origin, session))?.fetches.delete(fetch);
  }

  /** All of it, to be told to another owner; publishes of a session in their order. */
  *operations(): Generator<EdgeOperation> {
    for (const { origin, session, prefetch, fetches, publishes } of this.#sessions.values()) {
      const by = { origin, a: session };
      for (const [b, memory] of publishes) yield { ...by, operation: Operation.publish, b, c: 0, memory };
      if (prefetch !== undefined) {
        yield { ...by, operation: Operation.subscribe, b: prefetch, c: 0, memory: undefined };
      }
      for (const [b, c] of fetches) yield { ...by, operation: Operation.fetch, b, c, memory: undefined };
    }
  }

  #session(origin: number, session: number): EdgeSession {
    const key = keyOf(origin, session);
    let known = this.#sessions.get(key);
    if (known === undefined) {
      known = { origin, session, prefetch: undefined, fetches: new Map(), publishes: new Map() };
      this.#sessions.set(key, known);
    }
    return known;
  }
}

/** Sessions count from -1 (a transfer). */
function keyOf(origin: number, session: number): number {
  return addressOf(origin, session + 1);
}
