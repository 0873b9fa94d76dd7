// Operations that wait in order until their queue has a place, or the way to it has room.
// Lives on: the cluster's thread.
import { type RecordMemory, recordCopy } from '../../src/core/record.ts';

export interface HeldEnvelope {
  readonly origin: number;
  readonly operation: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly memory: RecordMemory | undefined;
}

export class Held {
  #envelopes: HeldEnvelope[] = [];

  get count(): number {
    return this.#envelopes.length;
  }

  add(
    origin: number,
    operation: number,
    a: number,
    b: number,
    c: number,
    d: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    const copy = offset < 0 ? undefined : recordCopy(memory, offset);
    this.#envelopes.push({ origin, operation, a, b, c, d, memory: copy });
  }

  /** Takes those out that `wanted` is true for, in order. */
  take(wanted: (envelope: HeldEnvelope) => boolean = () => true): HeldEnvelope[] {
    const taken = this.#envelopes.filter(wanted);
    this.#envelopes = this.#envelopes.filter((envelope) => !wanted(envelope));
    return taken;
  }
}
