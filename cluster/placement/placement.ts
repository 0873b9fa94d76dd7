// Where queues belong, as this node sees the cluster now: pins first, then the ring of the members that are up. It says
// where a queue should be placed or moved to; where one is, with what epoch, only its owner says.
// Lives on: the cluster thread, and wherever queues are looked up. A change of members costs nothing until the next
// question, so that a thousand nodes that join at once do not build a thousand rings.
import { Pins } from './pins.ts';
import { type NodeId, Ring } from './ring.ts';

export interface PlacementMember {
  readonly id: NodeId;
  readonly state: 'joining' | 'up' | 'leaving' | 'left' | 'suspect' | 'dead';
}

/** Whether a queue may be placed there. One that leaves keeps what it has until it is moved, and gets nothing new. */
function takesQueues(member: PlacementMember): boolean {
  return member.state === 'up';
}

export class Placement {
  #nodes: ReadonlySet<NodeId> = new Set();
  #pins = new Pins();
  /** Undefined: to be built at the next question. */
  #ring: Ring | undefined;

  /** The members as they are now. Says whether that changes where queues belong. */
  setMembers(members: Iterable<PlacementMember>): boolean {
    const nodes = new Set<NodeId>();
    for (const member of members) if (takesQueues(member)) nodes.add(member.id);
    if (nodes.size === this.#nodes.size && nodes.isSubsetOf(this.#nodes)) return false;
    this.#nodes = nodes;
    this.#ring = undefined;
    return true;
  }

  setPins(pins: Pins): void {
    this.#pins = pins;
  }

  /** The node that should have the queue; undefined while no member is up. */
  nodeOf(queue: string): NodeId | undefined {
    const pinned = this.#pins.nodeOf(queue);
    if (pinned !== undefined && this.#nodes.has(pinned)) return pinned;
    this.#ring ??= new Ring(this.#nodes);
    return this.#ring.nodeOf(queue);
  }

  /** The nodes that take queues, sorted. */
  get nodes(): readonly NodeId[] {
    this.#ring ??= new Ring(this.#nodes);
    return this.#ring.nodes;
  }
}
