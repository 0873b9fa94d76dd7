// The side of a move that a queue comes to, and the making of queues that no node has; see moves.ts for the whole.
// Lives on: the cluster's thread, one. Called by: Moves.
import { Operation } from '../../src/broker/operation.ts';
import { isLastChunk } from '../../src/core/queue-image.ts';
import { type RecordMemory, recordCopy } from '../../src/core/record.ts';
import type { NodeId } from '../placement/ring.ts';
import { Held } from './held.ts';
import { translateChunk } from './image-addresses.ts';
import { LinkOperation } from './link-operation.ts';
import type { FinalNote, GoNote, MoveParts, PrepareNote, ReadyNote, RefuseNote, TellNote } from './move-parts.ts';
import { NO_RECORD } from './relay.ts';
import type { RelayQueue } from './relay-queue.ts';

interface Incoming {
  readonly queue: RelayQueue;
  readonly from: NodeId;
  readonly epoch: number;
  readonly shard: number;
  readonly move: number;
  /** Held back until nothing else is on its way: with it the queue serves. */
  last: RecordMemory | undefined;
  /** What came late to the old owner, and was sent on. */
  readonly late: Held;
  /** To be told where the queue is. */
  readonly edges: Set<NodeId>;
  isFinal: boolean;
}

export class MoveIn {
  readonly #parts: MoveParts;
  readonly #moves = new Map<RelayQueue, Incoming>();
  /** Nothing may come any more: the node leaves. */
  isClosed = false;

  constructor(parts: MoveParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#moves.size;
  }

  has(queue: RelayQueue): boolean {
    return this.#moves.has(queue);
  }

  /** Makes a queue here out of an image that is complete. */
  create(queue: RelayQueue, epoch: number, chunks: readonly RecordMemory[]): void {
    const { self } = this.#parts.options;
    queue.isHeld = true;
    const incoming = this.#begin(queue, self, epoch);
    incoming.isFinal = true;
    incoming.last = chunks.at(-1);
    for (const chunk of chunks.slice(0, -1)) this.#toShard(incoming, chunk, 0);
    this.#finish(incoming);
  }

  prepare(node: NodeId, { options, epoch }: PrepareNote, isMoving: (queue: RelayQueue) => boolean): void {
    const { relay, events } = this.#parts.options;
    const { name } = options;
    const refuse = (reason: string): void =>
      this.#parts.post(node, LinkOperation.refuse, 0, { name, reason } satisfies RefuseNote);
    if (this.isClosed) refuse('the node leaves');
    else {
      events.introduce(options, (number) => {
        const queue = relay.queue(number);
        if (queue === undefined || isMoving(queue)) {
          refuse('it is still moving there');
          return;
        }
        this.#begin(queue, node, epoch);
        this.#parts.post(node, LinkOperation.ready, 0, { name, number } satisfies ReadyNote);
      });
    }
  }

  image(node: NodeId, target: number, memory: RecordMemory, offset: number): void {
    const { relay } = this.#parts.options;
    const incoming = this.#from(node, target);
    if (incoming === undefined) return;
    translateChunk(memory, offset, (origin) => relay.translate(node, origin));
    if (isLastChunk(memory, offset)) incoming.last = recordCopy(memory, offset);
    else this.#toShard(incoming, memory, offset);
  }

  final(node: NodeId, target: number, { edges }: FinalNote): void {
    const incoming = this.#from(node, target);
    if (incoming === undefined) return;
    for (const edge of edges) incoming.edges.add(edge);
    incoming.isFinal = true;
    this.#finish(incoming);
  }

  /** The shard has the whole image. */
  adopted(queue: RelayQueue): void {
    const incoming = this.#moves.get(queue);
    if (incoming === undefined) return;
    const { relay, events } = this.#parts.options;
    const { shard, epoch, move, edges, from } = incoming;
    this.#moves.delete(queue);
    relay.placeHere(queue, shard);
    queue.epoch = epoch;
    queue.isHeld = false;
    for (const { origin, operation, a, b, c, d, memory } of incoming.late.take()) {
      relay.ask(queue, origin, operation, a, b, c, d, memory ?? NO_RECORD, memory === undefined ? -1 : 0);
    }
    relay.release(queue);
    // The owner says `routed` too, when its own sessions no longer come by here.
    this.#parts.routeShards(queue, { thread: shard, owner: shard, move, more: 1 });
    for (const node of new Set([...edges, from, ...queue.users.keys()])) this.#go(queue, node);
    events.owned({ number: queue.number, name: queue.name, shard, epoch });
  }

  lateOf(queue: RelayQueue): Held | undefined {
    return this.#moves.get(queue)?.late;
  }

  /** A node that came late to the queue's last owner is to be told where it is. */
  tell({ name, node }: TellNote): void {
    const queue = this.#parts.options.relay.named(name);
    if (queue === undefined) return;
    const incoming = this.#moves.get(queue);
    if (incoming !== undefined) incoming.edges.add(node);
    else if (queue.place.kind === 'here') this.#go(queue, node);
  }

  forgetPeer(node: NodeId): void {
    for (const incoming of [...this.#moves.values()]) {
      incoming.edges.delete(node);
      // Once it is final everything is here, and its source no longer needed.
      if (incoming.from !== node || incoming.isFinal) continue;
      this.#moves.delete(incoming.queue);
      this.#parts.options.rings.post(incoming.shard, Operation.abandon, incoming.queue.number, 0, 0, 0, 0, 0);
    }
  }

  #begin(queue: RelayQueue, from: NodeId, epoch: number): Incoming {
    const shard = this.#parts.options.shardOf(queue.name);
    const move = this.#parts.nextMove();
    const rest = { move, last: undefined, late: new Held(), edges: new Set<NodeId>(), isFinal: false };
    const incoming: Incoming = { queue, from, epoch, shard, ...rest };
    this.#moves.set(queue, incoming);
    return incoming;
  }

  #from(node: NodeId, target: number): Incoming | undefined {
    const queue = this.#parts.options.relay.queue(target);
    const incoming = queue === undefined ? undefined : this.#moves.get(queue);
    return incoming?.from === node ? incoming : undefined;
  }

  #finish(incoming: Incoming): void {
    if (incoming.last === undefined) return;
    // What this node's own sessions still send to the old owner comes back from there: later than what follows.
    incoming.queue.isHeld = true;
    this.#toShard(incoming, incoming.last, 0);
  }

  #toShard({ queue, shard, move }: Incoming, chunk: RecordMemory, offset: number): void {
    this.#parts.options.rings.postRecord(shard, Operation.image, queue.number, 0, move, 0, 0, 0, chunk, offset);
  }

  #go(queue: RelayQueue, node: NodeId): void {
    if (node === this.#parts.options.self) return;
    if (!queue.users.has(node)) queue.users.set(node, new Set());
    const { name, number, epoch } = queue;
    this.#parts.post(node, LinkOperation.go, 0, { name, number, epoch } satisfies GoNote);
  }
}
