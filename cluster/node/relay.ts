// Carries records between the shards of this node and other nodes: a shard speaks to a queue or a session elsewhere by
// the ring to this thread, and does not know more of it.
//
//   session -> ring -> ask() -> [link to the owner] ~~> fromPeer() -> ring -> queue
//   queue   -> ring -> toSession() -> [link to the edge] ~~> fromPeer() -> ring -> session
//
// While a queue is nowhere or on its way (moves.ts) what is asked of it is held here, in order.
// Lives on: the cluster's thread, one. Pure: rings and links are ports.
import { addressOf, isShard, originOf, peerOf, sessionOf } from '../../src/broker/address.ts';
import { Operation } from '../../src/broker/operation.ts';
import { PublishResult } from '../../src/core/publish-result.ts';
import { RecordMemory } from '../../src/core/record.ts';
import type { NodeId } from '../placement/ring.ts';
import { Edge } from './edge.ts';
import { LATE, LinkOperation } from './link-operation.ts';
import { writeNote } from './note.ts';
import { PeerNumbers, shardPart } from './peer-numbers.ts';
import type { RelayLinks, RelayRings } from './relay-ports.ts';
import { RelayQueue } from './relay-queue.ts';

export interface RelayOptions {
  readonly self: NodeId;
  readonly shards: number;
  readonly rings: RelayRings;
  readonly links: RelayLinks;
}

export const NO_RECORD = new RecordMemory(new ArrayBuffer(8));

/** What went by, for metrics. */
class RelayCounters {
  /** Operations of this node's sessions that went to other nodes. */
  sentOperations = 0;
  /** Messages of this node's queues that went to sessions elsewhere. */
  sentDeliveries = 0;
  /** Unconfirmed publishes that were told to a second owner, because the first died. */
  resentPublishes = 0;
}

export class Relay {
  readonly counters = new RelayCounters();
  readonly numbers: PeerNumbers;
  readonly #options: RelayOptions;
  readonly #byNumber = new Map<number, RelayQueue>();
  readonly #byName = new Map<string, RelayQueue>();
  /** Queues of other nodes by their number there. */
  readonly #byPeer = new Map<NodeId, Map<number, RelayQueue>>();
  /** Numbers that a peer has been told the name of; and numbers of peers at a peer. */
  readonly #told = new Map<NodeId, Set<number>>();
  readonly #names = new Map<NodeId, Map<number, NodeId>>();
  /** Peers that take no more for now. */
  readonly #full = new Set<NodeId>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.numbers = new PeerNumbers(options.self);
  }

  queue(number: number): RelayQueue | undefined {
    return this.#byNumber.get(number);
  }

  named(name: string): RelayQueue | undefined {
    return this.#byName.get(name);
  }

  queues(): IterableIterator<RelayQueue> {
    return this.#byNumber.values();
  }

  /** Every shard of this node knows the queue under this number. */
  add(number: number, name: string): RelayQueue {
    const queue = new RelayQueue(number, name);
    this.#byNumber.set(number, queue);
    this.#byName.set(name, queue);
    return queue;
  }

  /** The queue was deleted. */
  remove(name: string): void {
    const queue = this.#byName.get(name);
    if (queue === undefined) return;
    this.#unplace(queue);
    this.#byName.delete(name);
    this.#byNumber.delete(queue.number);
    for (const { origin, operation, a, b } of queue.held.take()) {
      if (operation === Operation.publish && b >= 0) {
        this.toSession(origin, Operation.confirm, a, b, PublishResult.gone, queue.number, 0, NO_RECORD, -1);
      }
    }
    this.#letGo(queue);
  }

  /** The queue is on that shard of this node, and serves. */
  placeHere(queue: RelayQueue, shard: number): void {
    this.#unplace(queue);
    queue.place = { kind: 'here', shard };
    queue.edge = new Edge();
  }

  placeThere(queue: RelayQueue, node: NodeId, number: number): void {
    this.#unplace(queue);
    queue.place = { kind: 'there', node, number };
    this.#ofPeer(node).set(number, queue);
  }

  placeNowhere(queue: RelayQueue): void {
    this.#unplace(queue);
    queue.place = { kind: 'nowhere' };
    queue.isHeld = true;
  }

  #unplace({ place }: RelayQueue): void {
    if (place.kind === 'there') this.#byPeer.get(place.node)?.delete(place.number);
  }

  /** Carries out what was held, as far as its way has room. */
  release(queue: RelayQueue): void {
    queue.isHeld = false;
    for (const { origin, operation, a, b, c, d, memory } of queue.held.take()) {
      this.ask(queue, origin, operation, a, b, c, d, memory ?? NO_RECORD, memory === undefined ? -1 : 0);
    }
    if (!queue.isHeld) this.#letGo(queue);
  }

  /** What sessions of this node had with a queue whose owner died is told to its new owner. */
  restate(queue: RelayQueue): void {
    const { edge } = queue;
    queue.edge = new Edge();
    const later = queue.held.take();
    for (const { origin, operation, a, b, c, memory } of edge.operations()) {
      if (operation === Operation.publish) this.counters.resentPublishes++;
      queue.held.add(origin, operation, a, b, c, 0, memory ?? NO_RECORD, memory === undefined ? -1 : 0);
    }
    for (const { origin, operation, a, b, c, d, memory } of later) {
      queue.held.add(origin, operation, a, b, c, d, memory ?? NO_RECORD, memory === undefined ? -1 : 0);
    }
    this.release(queue);
  }

  /** What `origin` asks of a queue. Positional: the hot path. */
  ask(
    queue: RelayQueue,
    origin: number,
    operation: number,
    a: number,
    b: number,
    c: number,
    d: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    if (operation === Operation.fence && (queue.isHeld || queue.place.kind !== 'here')) {
      // What comes after the fence stands behind what came before it from here on.
      if (isShard(origin)) this.#options.rings.post(origin, Operation.fenceDone, queue.number, 0, 0, 0, 0, 0);
      return;
    }
    if (queue.isHeld) {
      queue.held.add(origin, operation, a, b, c, d, memory, offset);
      if (operation === Operation.publish && isShard(origin)) this.#stop(queue, origin, a);
      return;
    }
    const { place } = queue;
    if (place.kind === 'here') this.#toShard(queue, place.shard, origin, operation, a, b, c, d, memory, offset);
    else if (place.kind === 'there') this.#toOwner(queue, place, origin, operation, a, b, c, d, memory, offset);
  }

  #toShard(
    queue: RelayQueue,
    shard: number,
    origin: number,
    operation: number,
    a: number,
    b: number,
    c: number,
    d: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    if (!isShard(origin)) this.#uses(queue, origin, operation, a);
    const { rings } = this.#options;
    if (offset < 0) rings.post(shard, operation, queue.number, a, b, c, d, origin + 1);
    else rings.postRecord(shard, operation, queue.number, a, b, c, d, origin + 1, memory, offset);
  }

  #toOwner(
    queue: RelayQueue,
    place: { readonly node: NodeId; readonly number: number },
    origin: number,
    operation: number,
    a: number,
    b: number,
    c: number,
    d: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    const { links } = this.#options;
    const { node, number } = place;
    this.counters.sentOperations++;
    let isPosted: boolean;
    if (isShard(origin)) {
      queue.edge.asked(origin, operation, a, b, c, memory, offset);
      isPosted = links.post(node, operation, number, a, b, c, d, origin + 1, memory, offset);
    } else isPosted = this.late(node, number, origin, operation, a, b, c, d, memory, offset);
    if (!isPosted) {
      queue.isHeld = true;
      queue.held.add(origin, operation, a, b, c, d, memory, offset);
    }
    if (!this.#hasRoom(node) && operation === Operation.publish && isShard(origin)) {
      this.#stop(queue, origin, a);
    }
  }

  /** Sends on what came late, from whichever node. */
  late(
    node: NodeId,
    number: number,
    origin: number,
    operation: number,
    a: number,
    b: number,
    c: number,
    d: number,
    memory: RecordMemory,
    offset: number,
  ): boolean {
    this.tellName(node, origin);
    return this.#options.links.post(node, operation + LATE, number, a, b, c, d, origin + 1, memory, offset);
  }

  /** Tells a peer the name behind an origin that it is about to see. */
  tellName(node: NodeId, origin: number): void {
    if (isShard(origin)) return;
    const number = peerOf(origin);
    const told = this.#told.get(node) ?? new Set();
    if (told.has(number)) return;
    this.#told.set(node, told.add(number));
    const name = writeNote({ name: this.numbers.nameOf(number) });
    this.#options.links.post(node, LinkOperation.name, number, 0, 0, 0, 0, 0, name, 0);
  }

  learnName(from: NodeId, number: number, name: NodeId): void {
    const names = this.#names.get(from) ?? new Map<number, NodeId>();
    this.#names.set(from, names.set(number, name));
  }

  /** The number of a queue at a peer that may answer for it, though it is not known to be there yet. */
  learnQueue(node: NodeId, { name, number }: { readonly name: string; readonly number: number }): void {
    const queue = this.#byName.get(name);
    if (queue !== undefined) this.#ofPeer(node).set(number, queue);
  }

  #ofPeer(node: NodeId): Map<number, RelayQueue> {
    const known = this.#byPeer.get(node);
    if (known !== undefined) return known;
    const made = new Map<number, RelayQueue>();
    this.#byPeer.set(node, made);
    return made;
  }

  /** The origin here of what is `origin` at a peer. */
  translate(from: NodeId, origin: number): number {
    const node = isShard(origin) ? from : (this.#names.get(from)?.get(peerOf(origin)) ?? from);
    return this.numbers.originOf(node, shardPart(origin));
  }

  /** What a queue of this node says to a session: of another node, or of a shard here. */
  toSession(
    origin: number,
    operation: number,
    session: number,
    a: number,
    b: number,
    c: number,
    d: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    const { rings, links } = this.#options;
    if (isShard(origin)) {
      if (offset < 0) rings.post(origin, operation, session, a, b, c, d, 0);
      else rings.postRecord(origin, operation, session, a, b, c, d, 0, memory, offset);
      return;
    }
    if (operation === Operation.deliver) this.counters.sentDeliveries++;
    const node = this.numbers.nodeOf(origin);
    links.post(node, operation, session, a, b, c, d, shardPart(origin) + 1, memory, offset);
    if (!this.#hasRoom(node)) this.#lane(node, false);
  }

  /** What a queue of a peer says to a session here; the queue's number is the peer's. */
  fromOwner(
    node: NodeId,
    operation: number,
    session: number,
    a: number,
    b: number,
    c: number,
    shard: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    const { rings } = this.#options;
    const queue = this.#byPeer.get(node)?.get(operation === Operation.confirm ? c : a);
    if (queue === undefined || shard < 0 || shard >= this.#options.shards) return;
    if (operation === Operation.confirm) {
      queue.edge.confirmed(shard, session, a, b);
      rings.post(shard, Operation.confirm, session, a, b, queue.number, 0, 0);
      return;
    }
    queue.edge.fetched(shard, session, b);
    if (operation === Operation.deliver) {
      rings.postRecord(shard, Operation.deliver, session, queue.number, b, 0, 0, 0, memory, offset);
    } else rings.post(shard, Operation.fetchTimeout, session, queue.number, b, 0, 0, 0);
  }

  /** The peer takes records again. */
  room(node: NodeId): void {
    if (this.#full.delete(node)) this.#lane(node, true);
    for (const queue of this.#byPeer.get(node)?.values() ?? []) {
      if (queue.isHeld) this.release(queue);
      else this.#letGo(queue);
    }
  }

  /** The peer is gone: its sessions leave the queues here. */
  forgetPeer(node: NodeId): void {
    this.#told.delete(node);
    this.#names.delete(node);
    this.#full.delete(node);
    for (const queue of this.#byNumber.values()) {
      const users = queue.users.get(node);
      queue.users.delete(node);
      if (queue.place.kind !== 'here' || users === undefined) continue;
      const { shard } = queue.place;
      for (const address of users) {
        const [origin, session] = [originOf(address), sessionOf(address)];
        this.#options.rings.post(shard, Operation.unsubscribe, queue.number, session, 0, 0, 0, origin + 1);
      }
    }
  }

  #uses(queue: RelayQueue, origin: number, operation: number, session: number): void {
    if (operation === Operation.ack || operation === Operation.requeue || operation === Operation.fence) return;
    const node = this.numbers.nodeOf(origin);
    let users = queue.users.get(node);
    if (users === undefined) {
      users = new Set();
      queue.users.set(node, users);
    }
    if (session < 0) return;
    if (operation === Operation.unsubscribe) users.delete(addressOf(origin, session));
    else users.add(addressOf(origin, session));
  }

  #hasRoom(node: NodeId): boolean {
    if (this.#full.has(node)) return false;
    if (this.#options.links.hasRoom(node)) return true;
    this.#full.add(node);
    return false;
  }

  #lane(node: NodeId, open: boolean): void {
    const number = this.numbers.numberOf(node);
    for (let shard = 0; shard < this.#options.shards; shard++) {
      this.#options.rings.post(shard, Operation.lane, number, Number(open), 0, 0, 0, 0);
    }
  }

  /** A session is to wait; a transfer (transfers.ts) is none, and bounded by itself. */
  #stop(queue: RelayQueue, origin: number, session: number): void {
    const address = addressOf(origin, session);
    if (session < 0 || queue.waiting.has(address)) return;
    queue.waiting.add(address);
    this.#options.rings.post(originOf(address), Operation.throttle, sessionOf(address), 1, queue.number, 0, 0, 0);
  }

  #letGo(queue: RelayQueue): void {
    for (const address of queue.waiting) {
      this.#options.rings.post(originOf(address), Operation.throttle, sessionOf(address), 0, queue.number, 0, 0, 0);
    }
    queue.waiting.clear();
  }
}
