// Moves queues from node to node while they are used. One move of the queue q, from A to B, with an edge E (any node
// whose sessions use q; A and B may be edges themselves):
//
//   1  A -> B  prepare                      B -> A  ready (q's number there) or refuse
//   2  A       freeze: its shard sends q's image and keeps nothing; other shards go by way of this thread
//   3  A -> B  image, chunk by chunk; A -> E  moved, behind the last delivery
//   4  E -> A  movedAck, behind the last operation, when all that A delivered has reached E's sessions; E holds
//   5  A -> B  what came late, then final   (when every edge and every shard of A has answered)
//   6  B       gives its shard the last chunk: q serves at B with the next epoch
//   7  B -> E  go: E sends what it held to B
//
// A keeps the image until `go`: if B dies before, q is built from it again. Nothing is delivered between 2 and 6, and
// the last delivery of A has arrived before the first of B leaves, so consumers see one order.
// Lives on: the cluster's thread, one. Pure: ports of relay-ports.ts.
import { isShard } from '../../src/broker/address.ts';
import { Operation } from '../../src/broker/operation.ts';
import type { RecordMemory } from '../../src/core/record.ts';
import type { NodeId } from '../placement/ring.ts';
import type { Held } from './held.ts';
import { LinkOperation } from './link-operation.ts';
import { MoveIn } from './move-in.ts';
import { MoveOut } from './move-out.ts';
import {
  type FinalNote,
  type GoNote,
  MoveParts,
  type MovesOptions,
  type NameNote,
  type PrepareNote,
  type ReadyNote,
  type RefuseNote,
  type TellNote,
} from './move-parts.ts';
import { readNote } from './note.ts';
import type { RelayQueue } from './relay-queue.ts';

export class Moves {
  readonly #parts: MoveParts;
  readonly #in: MoveIn;
  readonly #out: MoveOut;

  constructor(options: MovesOptions) {
    this.#parts = new MoveParts(options);
    this.#in = new MoveIn(this.#parts);
    this.#out = new MoveOut(this.#parts, (queue, epoch, chunks) => this.#in.create(queue, epoch, chunks));
  }

  /** Moves under way. */
  get outgoing(): number {
    return this.#out.count;
  }

  get incoming(): number {
    return this.#in.count;
  }

  /** No queue may come any more. */
  close(): void {
    this.#in.isClosed = true;
  }

  isMoving(queue: RelayQueue): boolean {
    return this.#out.has(queue) || this.#in.has(queue) || queue.unrouted > 0;
  }

  /** Begins to move a queue of this node; false when it cannot just now. */
  start(queue: RelayQueue, to: NodeId): boolean {
    const { place } = queue;
    if (place.kind !== 'here' || queue.isHeld || this.isMoving(queue)) return false;
    this.#out.start(queue, place.shard, to);
    return true;
  }

  /** Makes a queue here that no node has. */
  create(queue: RelayQueue, epoch: number, image: RecordMemory): void {
    this.#in.create(queue, epoch, [image]);
  }

  /** What shards say about moves. */
  fromShard(queue: RelayQueue, operation: number, move: number, memory: RecordMemory, offset: number): void {
    if (operation === Operation.image) this.#out.image(queue, memory, offset);
    else if (operation === Operation.adopted) this.#in.adopted(queue);
    else if (operation === Operation.quiet) this.#parts.quiet(queue);
    else if (operation === Operation.routed) this.#parts.routed(queue, move);
  }

  /** What peers say about moves; the target is a queue's number at its owner. */
  fromPeer(node: NodeId, operation: number, target: number, memory: RecordMemory, offset: number): void {
    switch (operation) {
      case Operation.image:
        this.#in.image(node, target, memory, offset);
        return;
      case LinkOperation.name:
        this.#parts.options.relay.learnName(node, target, readNote<NameNote>(memory, offset).name);
        return;
      case LinkOperation.prepare:
        this.#in.prepare(node, readNote<PrepareNote>(memory, offset), (queue) => this.isMoving(queue));
        return;
      case LinkOperation.ready:
        this.#out.ready(node, readNote<ReadyNote>(memory, offset));
        return;
      case LinkOperation.refuse:
        this.#out.refused(readNote<RefuseNote>(memory, offset));
        return;
      case LinkOperation.moved:
        this.#moved(node, readNote<NameNote>(memory, offset).name);
        return;
      case LinkOperation.movedAck:
        this.#out.movedAck(node, readNote<NameNote>(memory, offset));
        return;
      case LinkOperation.final:
        this.#in.final(node, target, readNote<FinalNote>(memory, offset));
        return;
      case LinkOperation.numbered:
        this.#parts.options.relay.learnQueue(node, readNote<ReadyNote>(memory, offset));
        return;
      case LinkOperation.tell:
        this.#in.tell(readNote<TellNote>(memory, offset));
        return;
      case LinkOperation.go:
        this.#go(node, readNote<GoNote>(memory, offset));
        return;
      default:
    }
  }

  /** A node asks something of a queue here, which may have gone. */
  askedBy(queue: RelayQueue, node: NodeId): void {
    if (queue.place.kind === 'here' && !queue.isHeld) return;
    this.#out.askedBy(queue, node);
  }

  /** Something comes by way of the queue's last owner: whoever asked knows the number of the queue there, not here. */
  lateFrom(queue: RelayQueue, origin: number): void {
    const { relay } = this.#parts.options;
    const node = relay.numbers.nodeOf(origin);
    if (isShard(origin) || queue.users.has(node)) return;
    queue.users.set(node, new Set());
    const { name, number } = queue;
    this.#parts.post(node, LinkOperation.numbered, 0, { name, number } satisfies ReadyNote);
  }

  /** Where late operations of a queue wait that is just coming: they are older than what this node holds for it. */
  lateOf(queue: RelayQueue): Held | undefined {
    return this.#in.lateOf(queue);
  }

  /** The peer takes records again: images go on. */
  room(node: NodeId): void {
    this.#out.room(node);
  }

  /** The peer is gone. */
  forgetPeer(node: NodeId): void {
    this.#in.forgetPeer(node);
    this.#out.forgetPeer(node);
  }

  /** The owner says that the queue goes: nothing more is sent there, and it learns when its deliveries have arrived. */
  #moved(node: NodeId, name: string): void {
    const { relay, rings, shards } = this.#parts.options;
    const answer = (): void => this.#parts.post(node, LinkOperation.movedAck, 0, { name } satisfies NameNote);
    const queue = relay.named(name);
    if (queue === undefined) {
      answer();
      return;
    }
    queue.isHeld = true;
    for (let shard = 0; shard < shards; shard++) rings.post(shard, Operation.quiet, queue.number, 0, 0, 0, 0, 0);
    this.#parts.awaitQuiet(queue, shards, answer);
  }

  /** The queue serves there. */
  #go(node: NodeId, { name, number, epoch }: GoNote): void {
    const { relay, events } = this.#parts.options;
    const queue = relay.named(name);
    if (queue === undefined || epoch < queue.epoch) return;
    const wasHere = this.#out.done(queue);
    queue.epoch = epoch;
    queue.users.clear();
    relay.placeThere(queue, node, number);
    relay.release(queue);
    if (wasHere) events.released({ number: queue.number, name, node });
  }
}
