// One peer as the links see it: where it is, its connections (one of each kind), when to dial next, and its figures.
// Lives on: the thread of the links. Called by: peer-links.ts.
import { LINK_LIMITS } from '../limits.ts';
import type { LinkKind } from './frame.ts';
import type { LinkConnection } from './link-connection.ts';
import type { PeerFigures } from './link-handler.ts';
import type { PeerBulk } from './peer-bulk.ts';

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

export const LINK_KINDS: readonly LinkKind[] = ['control', 'bulk'];

/** Weight of a new round trip in the smoothed one, as TCP does. */
const ROUND_TRIP_WEIGHT = 1 / 8;

/** One of the two links of a pair. */
class LinkSlot {
  connection: LinkConnection | undefined;
  pingedMs = 0;
  isDialing = false;
  attempts = 0;
  nextDialMs = 0;
}

export class Peer {
  readonly nodeId: string;
  readonly bulk: PeerBulk;
  /** The latest start of the peer that was linked. */
  incarnation: number | undefined;
  /** Undefined for a peer that came to us and that nobody has told us about: it is not dialed. */
  address: NodeAddress | undefined;
  readonly slots: Readonly<Record<LinkKind, LinkSlot>> = { control: new LinkSlot(), bulk: new LinkSlot() };
  #roundTripMs: number | undefined;
  #connects = 0;
  #past = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };

  constructor(nodeId: string, bulk: PeerBulk) {
    this.nodeId = nodeId;
    this.bulk = bulk;
  }

  /** A new connection takes its place; the one before it was closed. */
  linked(link: LinkKind, connection: LinkConnection, nowMs: number): void {
    const slot = this.slots[link];
    slot.connection = connection;
    slot.pingedMs = nowMs;
    this.#connects++;
  }

  /** Its connection ended: by the network, and it is dialed again soon; by a fault of the peer, later and later. */
  unlinked(link: LinkKind, connection: LinkConnection, byNetwork: boolean): void {
    const slot = this.slots[link];
    if (byNetwork) slot.attempts = 0;
    slot.connection = undefined;
    this.#past.bytesIn += connection.bytesIn;
    this.#past.bytesOut += connection.bytesOut;
    this.#past.framesIn += connection.framesIn;
    this.#past.framesOut += connection.framesOut;
  }

  /** Puts the next dial off: twice as long at each attempt, and for each node a little different. */
  backOff(link: LinkKind, options: { nowMs: number; random: number; delayMs: number }): void {
    const slot = this.slots[link];
    const pause = Math.min(LINK_LIMITS.reconnectMsMax, LINK_LIMITS.reconnectMsMin * 2 ** Math.min(slot.attempts, 10));
    slot.attempts++;
    slot.nextDialMs = options.nowMs + options.delayMs + pause * (0.5 + options.random / 2);
  }

  roundTrip(ms: number): void {
    const known = this.#roundTripMs;
    this.#roundTripMs = known === undefined ? ms : known + (ms - known) * ROUND_TRIP_WEIGHT;
  }

  figures(): PeerFigures {
    const { bulk } = this;
    const sum = { ...this.#past };
    for (const kind of LINK_KINDS) {
      const { connection } = this.slots[kind];
      if (connection === undefined) continue;
      sum.bytesIn += connection.bytesIn;
      sum.bytesOut += connection.bytesOut;
      sum.framesIn += connection.framesIn;
      sum.framesOut += connection.framesOut;
    }
    return {
      ...sum,
      incarnation: this.incarnation,
      control: this.slots.control.connection !== undefined,
      bulk: this.slots.bulk.connection !== undefined,
      connects: this.#connects,
      resends: bulk.resends,
      duplicates: bulk.duplicates,
      heldBytes: bulk.heldBytes,
      waitingBytes: bulk.waitingBytes,
      refusedPosts: bulk.refusedPosts,
      roundTripMs: this.#roundTripMs,
    };
  }
}
