// Queues that people want on a certain node, by name or by the beginning of it ("audit.*"). The name counts before a
// beginning, and a longer beginning before a shorter one. A pin is a wish: while its node cannot take queues, the ring
// decides as if there were none.
// Called by: placement.ts, plan.ts.
import { BrokerError } from '../../src/base/errors.ts';
import { PLACEMENT_LIMITS } from '../limits.ts';
import type { NodeId } from './ring.ts';

export interface Pin {
  /** Name of a queue, or a beginning of names with a `*` behind it. */
  readonly queues: string;
  readonly node: NodeId;
}

export class Pins {
  readonly #names = new Map<string, NodeId>();
  readonly #beginnings = new Map<string, NodeId>();
  /** Lengths of the beginnings, longest first: a queue is looked up once for each and not once for each pin. */
  readonly #lengths: readonly number[];

  constructor(pins: Iterable<Pin> = []) {
    for (const pin of pins) this.#add(pin);
    const lengths = new Set<number>();
    for (const beginning of this.#beginnings.keys()) lengths.add(beginning.length);
    this.#lengths = [...lengths].sort((one, other) => other - one);
  }

  /** The node a queue is wanted on; undefined when nobody said so. */
  nodeOf(queue: string): NodeId | undefined {
    const named = this.#names.get(queue);
    if (named !== undefined) return named;
    for (const length of this.#lengths) {
      if (length > queue.length) continue;
      const node = this.#beginnings.get(queue.slice(0, length));
      if (node !== undefined) return node;
    }
    return undefined;
  }

  #add({ queues, node }: Pin): void {
    const refuse = (reason: string): never => {
      throw new BrokerError('invalid-argument', `Cannot pin "${queues}" to "${node}": ${reason}`);
    };
    if (node === '') refuse('the name of a node is missing');
    if (queues === '') refuse('the name of a queue, or a beginning like "audit.*", is missing');
    const star = queues.indexOf('*');
    if (star !== -1 && star !== queues.length - 1) refuse('"*" may only be its last character');
    const [table, key] = star === -1 ? [this.#names, queues] : [this.#beginnings, queues.slice(0, -1)];
    const other = table.get(key);
    if (other !== undefined && other !== node) refuse(`it is pinned to "${other}" already`);
    if (this.#names.size + this.#beginnings.size >= PLACEMENT_LIMITS.pinsMax) {
      refuse(`there are ${PLACEMENT_LIMITS.pinsMax} pins already`);
    }
    table.set(key, node);
  }
}
