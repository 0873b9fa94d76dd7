// What the links tell the rest of the cluster layer. Calls are synchronous, on the thread of the links.
import type { EnvelopeVisitor } from './batch.ts';
import type { LostBatches } from './bulk-sender.ts';
import type { ControlMessage } from './control-codec.ts';
import type { LinkKind } from './frame.ts';
import type { LinkPeer } from './handshake.ts';
import type { LinkCode } from './link-error.ts';

/** A batch from a peer. It and its memory are its taker's until take(), which gives the sender its credit back. */
export interface PeerBatch {
  readonly count: number;
  readonly bytes: number;
  /** Calls the visitor for each envelope, in order. Not after take(). */
  visit(visitor: EnvelopeVisitor): void;
  /** Called once, when the batch is dealt with. */
  take(): void;
}

export interface LinkHandler {
  /** A link of this kind to this start of the peer is there. */
  readonly onUp: (peer: LinkPeer, link: LinkKind) => void;
  /** It is gone; reconnecting goes on by itself for as long as the peer is known. */
  readonly onDown: (peer: LinkPeer, link: LinkKind, reason: string) => void;
  readonly onControl: (peer: LinkPeer, message: ControlMessage) => void;
  readonly onBatch: (peer: LinkPeer, batch: PeerBatch) => void;
  /** hasRoom() said no for this peer, and it has room again. */
  readonly onRoom: (nodeId: string) => void;
  /** Batches that were for a start of the peer that is gone, or for a peer that was removed. */
  readonly onLost: (nodeId: string, lost: LostBatches) => void;
  /** A connection that became no link, ours or another's; `address` is the other end. */
  readonly onRefused: (address: string, code: LinkCode, reason: string) => void;
}

/** Figures of one peer, summed over all its connections. */
export interface PeerFigures {
  readonly incarnation: number | undefined;
  readonly control: boolean;
  readonly bulk: boolean;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly connects: number;
  readonly resends: number;
  readonly duplicates: number;
  /** Kept for the peer: not acked, or not sent. */
  readonly heldBytes: number;
  /** Of the peer, received and not taken. */
  readonly waitingBytes: number;
  /** Posts refused because too much is kept. */
  readonly refusedPosts: number;
  /** Smoothed, of pings on the control link; undefined before the first. */
  readonly roundTripMs: number | undefined;
}
