// Who is in the cluster, in a full mesh of links: a node is up while its control link is, and dead when that has been
// gone for a while. Nodes tell each other whom they know, so one address is enough to find all.
// Pure: messages go out through the port, time comes in. Lives on: the cluster's thread, one.
import type { NodeAddress } from '../link/peer.ts';
import type { PlacementMember } from '../placement/placement.ts';
import type { NodeId } from '../placement/ring.ts';

type MemberState = PlacementMember['state'];

export interface MeshMember {
  readonly node: NodeId;
  readonly address: NodeAddress;
  readonly incarnation: number;
  readonly state: MemberState;
}

export interface MeshPort {
  send(node: NodeId, message: object): void;
  /** Keep a link to this node from now on. */
  keep(node: NodeId, address: NodeAddress): void;
  changed(member: MeshMember, before: MemberState | undefined): void;
}

/** How long a link may be gone before its node is dead, ms: several attempts to connect, and a short stall. */
const DEAD_AFTER_MS = 4_000;

/** A dead or left node is forgotten after this long, ms. */
const FORGET_AFTER_MS = 3_600_000;

interface Known {
  member: MeshMember;
  downSinceMs: number | undefined;
}

export interface HelloMessage {
  readonly t: 'm-hello';
  readonly address: NodeAddress;
  readonly state: MemberState;
  readonly members: readonly { readonly node: NodeId; readonly address: NodeAddress }[];
}

export class MeshMembers {
  readonly #self: NodeId;
  readonly #address: NodeAddress;
  readonly #port: MeshPort;
  readonly #known = new Map<NodeId, Known>();
  #state: MemberState = 'up';

  constructor(self: { readonly node: NodeId; readonly address: NodeAddress }, port: MeshPort) {
    this.#self = self.node;
    this.#address = self.address;
    this.#port = port;
  }

  /** This node's own state. */
  get state(): MemberState {
    return this.#state;
  }

  *members(): Generator<MeshMember> {
    for (const { member } of this.#known.values()) yield member;
  }

  get(node: NodeId): MeshMember | undefined {
    return this.#known.get(node)?.member;
  }

  /** Others learn it at once. */
  enter(state: MemberState): void {
    this.#state = state;
    for (const { member } of this.#known.values()) this.#port.send(member.node, this.#hello());
  }

  /** The control link to this start of the node is there. */
  linkUp(node: NodeId): void {
    this.#port.send(node, this.#hello());
  }

  linkDown(node: NodeId, nowMs: number): void {
    const known = this.#known.get(node);
    if (known === undefined) return;
    known.downSinceMs = nowMs;
    // Who said goodbye is not missed.
    if (known.member.state === 'leaving') this.#change(known, 'left');
  }

  hello(node: NodeId, incarnation: number, message: HelloMessage): void {
    const { address, state, members } = message;
    const known = this.#known.get(node);
    if (known === undefined) {
      const member: MeshMember = { node, address, incarnation, state };
      this.#known.set(node, { member, downSinceMs: undefined });
      this.#port.keep(node, address);
      this.#port.changed(member, undefined);
      // The newcomer is told to everybody else by those it tells: one more hello each.
      for (const other of this.#known.keys()) if (other !== node) this.#port.send(other, this.#hello());
    } else {
      known.downSinceMs = undefined;
      const isNewStart = known.member.incarnation !== incarnation;
      if (isNewStart && known.member.state !== 'dead' && known.member.state !== 'left') this.#change(known, 'dead');
      known.member = { ...known.member, address, incarnation };
      if (isNewStart || known.member.state !== state) {
        this.#port.keep(node, address);
        this.#change(known, state);
      }
    }
    for (const other of members) if (other.node !== this.#self) this.#port.keep(other.node, other.address);
  }

  tick(nowMs: number): void {
    for (const [node, known] of this.#known) {
      const { downSinceMs, member } = known;
      if (downSinceMs === undefined) continue;
      const downMs = nowMs - downSinceMs;
      if (downMs >= DEAD_AFTER_MS && member.state !== 'dead' && member.state !== 'left') this.#change(known, 'dead');
      if (downMs >= FORGET_AFTER_MS) this.#known.delete(node);
    }
  }

  #change(known: Known, state: MemberState): void {
    const before = known.member.state;
    known.member = { ...known.member, state };
    this.#port.changed(known.member, before);
  }

  #hello(): HelloMessage {
    const members = [...this.#known.values()]
      .filter(({ member }) => member.state === 'up' || member.state === 'leaving')
      .map(({ member: { node, address } }) => ({ node, address }));
    return { t: 'm-hello', address: this.#address, state: this.#state, members };
  }
}
