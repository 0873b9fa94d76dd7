// The side of a move that a queue goes from; see moves.ts for the whole.
// Lives on: the cluster's thread, one. Called by: Moves.
import { isShard } from '../../src/broker/address.ts';
import { Operation } from '../../src/broker/operation.ts';
import { isLastChunk } from '../../src/core/queue-image.ts';
import { type RecordMemory, recordCopy } from '../../src/core/record.ts';
import type { NodeId } from '../placement/ring.ts';
import { Edge } from './edge.ts';
import { originsIn, readEdge } from './image-addresses.ts';
import { LinkOperation } from './link-operation.ts';
import type { FinalNote, MoveParts, NameNote, PrepareNote, ReadyNote, RefuseNote, TellNote } from './move-parts.ts';
import { NO_RECORD } from './relay.ts';
import type { RelayQueue } from './relay-queue.ts';

interface Outgoing {
  readonly queue: RelayQueue;
  readonly to: NodeId;
  /** Where it was. */
  readonly shard: number;
  phase: 'preparing' | 'copying' | 'final' | 'coming-back';
  /** Its number there. */
  number: number;
  /** Kept until it serves there: else it is built from them again. */
  readonly chunks: RecordMemory[];
  sent: number;
  isComplete: boolean;
  isQuiet: boolean;
  /** Edges that were told, and those of them that have not answered. */
  readonly told: Set<NodeId>;
  readonly unanswered: Set<NodeId>;
}

export class MoveOut {
  readonly #parts: MoveParts;
  readonly #moves = new Map<RelayQueue, Outgoing>();
  /** Builds a queue here again. */
  readonly #rebuild: (queue: RelayQueue, epoch: number, chunks: readonly RecordMemory[]) => void;

  constructor(parts: MoveParts, rebuild: (queue: RelayQueue, epoch: number, chunks: readonly RecordMemory[]) => void) {
    this.#parts = parts;
    this.#rebuild = rebuild;
  }

  get count(): number {
    return this.#moves.size;
  }

  has(queue: RelayQueue): boolean {
    return this.#moves.has(queue);
  }

  start(queue: RelayQueue, shard: number, to: NodeId): void {
    this.#moves.set(queue, {
      queue,
      to,
      shard,
      phase: 'preparing',
      number: 0,
      chunks: [],
      sent: 0,
      isComplete: false,
      isQuiet: false,
      told: new Set(),
      unanswered: new Set(),
    });
    const options = this.#parts.options.optionsOf(queue.number);
    this.#parts.post(to, LinkOperation.prepare, 0, { options, epoch: queue.epoch + 1 } satisfies PrepareNote);
  }

  ready(node: NodeId, { name, number }: ReadyNote): void {
    const move = this.#named(name);
    if (move?.to !== node || move.phase !== 'preparing') return;
    const { rings, shards } = this.#parts.options;
    const { queue, shard } = move;
    move.phase = 'copying';
    move.number = number;
    queue.isHeld = true;
    rings.post(shard, Operation.freeze, queue.number, 0, 0, 0, 0, 0);
    this.#parts.routeShards(queue, { thread: shards, owner: shard, move: this.#parts.nextMove(), more: 0 });
    this.#parts.awaitQuiet(queue, shards - 1, () => {
      move.isQuiet = true;
      this.#checkFinal(move);
    });
  }

  refused({ name, reason }: RefuseNote): void {
    const move = this.#named(name);
    if (move?.phase !== 'preparing') return;
    this.#moves.delete(move.queue);
    this.#parts.options.events.moveFailed(name, reason);
  }

  /** A chunk of the image from the shard. */
  image(queue: RelayQueue, memory: RecordMemory, offset: number): void {
    const move = this.#moves.get(queue);
    if (move === undefined) return;
    const chunk = recordCopy(memory, offset);
    if (move.chunks.length === 0) queue.edge = new Edge();
    readEdge(chunk, 0, queue.edge);
    move.chunks.push(chunk);
    if (isLastChunk(chunk, 0)) {
      move.isComplete = true;
      // Also the node it goes to: what its sessions have sent here comes before what they will send there.
      for (const node of new Set([...queue.users.keys(), move.to])) this.#tell(move, node);
    }
    if (move.phase === 'coming-back') this.#comeBack(move);
    else this.#sendChunks(move);
  }

  /** A node asks something of a queue that goes or has gone: it is told, unless it was. */
  askedBy(queue: RelayQueue, node: NodeId): void {
    const move = this.#moves.get(queue);
    if (move === undefined) {
      if (queue.place.kind !== 'there' || queue.users.has(node)) return;
      queue.users.set(node, new Set());
      this.#parts.post(node, LinkOperation.moved, queue.number, { name: queue.name } satisfies NameNote);
    } else if (!move.told.has(node)) {
      queue.users.set(node, new Set());
      if (move.isComplete) this.#tell(move, node);
    }
  }

  movedAck(node: NodeId, { name }: NameNote): void {
    const queue = this.#parts.options.relay.named(name);
    if (queue === undefined) return;
    const move = this.#moves.get(queue);
    if (move?.phase === 'copying') {
      move.unanswered.delete(node);
      this.#checkFinal(move);
    } else if (move?.phase === 'final') {
      // What this edge sent before its answer goes before it.
      this.#sendLate(move);
      this.#parts.post(move.to, LinkOperation.tell, 0, { name, node } satisfies TellNote);
    } else if (queue.place.kind === 'there') {
      this.#parts.post(queue.place.node, LinkOperation.tell, 0, { name, node } satisfies TellNote);
    }
  }

  /** The queue serves there. */
  done(queue: RelayQueue): boolean {
    return this.#moves.delete(queue);
  }

  room(node: NodeId): void {
    for (const move of this.#moves.values()) if (move.to === node) this.#sendChunks(move);
  }

  forgetPeer(node: NodeId): void {
    for (const move of [...this.#moves.values()]) {
      move.told.delete(node);
      if (move.to === node) this.#takeBack(move, `node "${node}" is gone`);
      else if (move.unanswered.delete(node)) this.#checkFinal(move);
    }
  }

  #named(name: string): Outgoing | undefined {
    const queue = this.#parts.options.relay.named(name);
    return queue === undefined ? undefined : this.#moves.get(queue);
  }

  #tell(move: Outgoing, node: NodeId): void {
    move.told.add(node);
    if (move.phase === 'copying') move.unanswered.add(node);
    this.#parts.post(node, LinkOperation.moved, move.queue.number, { name: move.queue.name } satisfies NameNote);
  }

  #sendChunks(move: Outgoing): void {
    const { relay, links } = this.#parts.options;
    while (move.phase === 'copying' && move.sent < move.chunks.length && links.hasRoom(move.to)) {
      const chunk = move.chunks[move.sent];
      for (const origin of originsIn(chunk, 0)) relay.tellName(move.to, origin);
      if (!links.post(move.to, Operation.image, move.number, 0, 0, 0, 0, 0, chunk, 0)) return;
      move.sent++;
    }
    this.#checkFinal(move);
  }

  /** When everybody has answered: sends what came late from other nodes, and that this was all. */
  #checkFinal(move: Outgoing): void {
    const { to, number } = move;
    const isSent = move.isComplete && move.sent === move.chunks.length;
    if (move.phase !== 'copying' || !isSent || !move.isQuiet || move.unanswered.size > 0) return;
    move.phase = 'final';
    this.#sendLate(move);
    this.#parts.post(to, LinkOperation.final, number, { edges: [...move.told] } satisfies FinalNote);
  }

  /** Sends on what other nodes asked here while the queue was going. */
  #sendLate({ queue, to, number }: Outgoing): void {
    const { relay } = this.#parts.options;
    for (const { origin, operation, a, b, c, d, memory } of queue.held.take(({ origin }) => !isShard(origin))) {
      relay.late(to, number, origin, operation, a, b, c, d, memory ?? NO_RECORD, memory === undefined ? -1 : 0);
    }
  }

  /** The node it was to go to is gone: the queue comes back as it went. */
  #takeBack(move: Outgoing, reason: string): void {
    this.#parts.options.events.moveFailed(move.queue.name, reason);
    if (move.phase === 'preparing') this.#moves.delete(move.queue);
    else {
      move.phase = 'coming-back';
      this.#comeBack(move);
    }
  }

  #comeBack(move: Outgoing): void {
    if (!move.isComplete) return;
    const { queue } = move;
    this.#moves.delete(queue);
    // The other node may have served with the epoch that was agreed.
    this.#rebuild(queue, queue.epoch + 2, move.chunks);
  }
}
