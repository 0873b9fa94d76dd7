// Where the rings and the links of a node meet: hands every envelope to the relay or to the moves.
// Lives on: the cluster's thread, one. Called by: the mailbox of this thread, and its links.
import { peerOrigin } from '../../src/broker/address.ts';
import { Operation } from '../../src/broker/operation.ts';
import type { RecordMemory } from '../../src/core/record.ts';
import type { NodeId } from '../placement/ring.ts';
import { LATE, LinkOperation } from './link-operation.ts';
import type { MovesOptions } from './move-parts.ts';
import { Moves } from './moves.ts';
import { Relay } from './relay.ts';

export type CarrierOptions = Omit<MovesOptions, 'relay'>;

export class Carrier {
  readonly relay: Relay;
  readonly moves: Moves;

  constructor(options: CarrierOptions) {
    this.relay = new Relay(options);
    this.moves = new Moves({ ...options, relay: this.relay });
  }

  /** One envelope of a shard of this node. */
  fromShard(
    from: number,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    const origin = e === 0 ? from : e - 1;
    switch (operation) {
      case Operation.confirm:
      case Operation.deliver:
      case Operation.fetchTimeout:
        this.relay.toSession(origin, operation, target, a, b, c, d, memory, offset);
        return;
      default:
    }
    const queue = this.relay.queue(target);
    if (queue === undefined) return;
    switch (operation) {
      case Operation.image:
      case Operation.adopted:
      case Operation.quiet:
      case Operation.routed:
        this.moves.fromShard(queue, operation, b, memory, offset);
        return;
      default:
        this.relay.ask(queue, origin, operation, a, b, c, d, memory, offset);
    }
  }

  /** One envelope of another node. */
  fromPeer(
    node: NodeId,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    memory: RecordMemory,
    offset: number,
  ): void {
    const { relay, moves } = this;
    if (operation >= LATE) {
      const queue = relay.queue(target);
      if (queue === undefined) return;
      const origin = relay.translate(node, e - 1);
      moves.lateFrom(queue, origin);
      const late = moves.lateOf(queue);
      if (late !== undefined) late.add(origin, operation - LATE, a, b, c, d, memory, offset);
      else relay.ask(queue, origin, operation - LATE, a, b, c, d, memory, offset);
    } else if (operation >= LinkOperation.name || operation === Operation.image) {
      moves.fromPeer(node, operation, target, memory, offset);
    } else if (isFromOwner(operation)) relay.fromOwner(node, operation, target, a, b, c, e - 1, memory, offset);
    else {
      const queue = relay.queue(target);
      if (queue === undefined) return;
      moves.askedBy(queue, node);
      relay.ask(queue, peerOrigin(relay.numbers.numberOf(node), e - 1), operation, a, b, c, d, memory, offset);
    }
  }

  /** The peer takes records again. */
  room(node: NodeId): void {
    this.relay.room(node);
    this.moves.room(node);
  }

  /** This start of the peer is gone for good. */
  forgetPeer(node: NodeId): void {
    this.moves.forgetPeer(node);
    this.relay.forgetPeer(node);
  }
}

function isFromOwner(operation: number): boolean {
  return operation === Operation.confirm || operation === Operation.deliver || operation === Operation.fetchTimeout;
}
