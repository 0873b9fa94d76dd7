// Numbers for the names of nodes, so that an address (broker/address.ts) can say in a few bits where a session is.
// Each node numbers its peers for itself; on a link it tells the name of a number before it uses it.
// Lives on: the cluster's thread, one.
import { assert } from '../../src/base/assert.ts';
import { isShard, peerOf, peerOrigin, shardOf } from '../../src/broker/address.ts';
import type { NodeId } from '../placement/ring.ts';

export class PeerNumbers {
  readonly #self: NodeId;
  readonly #names: NodeId[] = [];
  readonly #numbers = new Map<NodeId, number>();

  constructor(self: NodeId) {
    this.#self = self;
  }

  numberOf(node: NodeId): number {
    const known = this.#numbers.get(node);
    if (known !== undefined) return known;
    const number = this.#names.length;
    this.#names.push(node);
    this.#numbers.set(node, number);
    return number;
  }

  nameOf(number: number): NodeId {
    const name = this.#names[number];
    assert(name !== undefined, 'a peer has a name before its number is used');
    return name;
  }

  /** The node of an origin. */
  nodeOf(origin: number): NodeId {
    return isShard(origin) ? this.#self : this.nameOf(peerOf(origin));
  }

  /** The origin that shard `shard` of the node is here. */
  originOf(node: NodeId, shard: number): number {
    return node === this.#self ? shard : peerOrigin(this.numberOf(node), shard);
  }
}

/** The shard part of an origin, whichever node it is on. */
export function shardPart(origin: number): number {
  return shardOf(origin);
}
