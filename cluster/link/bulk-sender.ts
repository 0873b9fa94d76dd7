// The sending end of a stream of batches to one start of one peer. Batches are numbered from 1 and kept until the peer
// says that it has them; after a reconnect they are sent again from where it stands. What may be sent is bounded by a
// limit that the peer raises as its consumers take batches: a batch may begin while the limit is not reached.
//
//   kept:   [ sent, not acked | not sent ]   the cursor stands between them; a resume sets it back
//
// A new start of the peer has none of it: what is kept is dropped and counted, and the stream begins again at 1 under
// another stream number, so that numbers of the old one are never taken for the new.
// Pure. Called by: peer.ts.
import { LINK_LIMITS } from '../limits.ts';
import { chargeOf, OutgoingBatch } from './batch.ts';
import { LinkError } from './link-error.ts';

/** What was dropped because the peer that it was for is gone. */
export interface LostBatches {
  /** Start of the peer that should have got them; undefined when it was never reached. */
  readonly incarnation: number | undefined;
  readonly batches: number;
  readonly envelopes: number;
  readonly bytes: number;
}

export class BulkSender {
  readonly #nextStream: () => number;
  readonly #spares: OutgoingBatch[] = [];
  #stream: number;
  #incarnation: number | undefined;
  #attached = false;
  /** Numbers up to here are with the peer. */
  #acked = 0;
  #lastNumber = 0;
  /** Batches from `#acked + 1` to `#lastNumber`; those before #first are gone. */
  #kept: OutgoingBatch[] = [];
  #first = 0;
  /** Number of the last batch sent on this connection, or known to be with the peer; and of the last one ever sent. */
  #sent = 0;
  #sentEver = 0;
  /** Charges of all batches up to #sent, and what the peer allows. */
  #sentCharge = 0;
  #ackedCharge = 0;
  #limit = 0;
  #heldBytes = 0;
  #short = false;
  resends = 0;

  /** `nextStream` gives a number that this process has never given before. */
  constructor(nextStream: () => number) {
    this.#nextStream = nextStream;
    this.#stream = nextStream();
  }

  get stream(): number {
    return this.#stream;
  }

  get firstKept(): number {
    return this.#acked + 1;
  }

  /** Whether the peer has said where it stands on this connection. */
  get isAttached(): boolean {
    return this.#attached;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get lastNumber(): number {
    return this.#lastNumber;
  }

  /** Whether sources may go on; when not, takeRoom() says once that they may again. */
  hasRoom(gatheredBytes: number): boolean {
    if (this.#heldBytes + gatheredBytes < LINK_LIMITS.heldHighBytes) return true;
    this.#short = true;
    return false;
  }

  /** True once after hasRoom() said no, when there is room again. */
  takeRoom(): boolean {
    if (!this.#short || this.#heldBytes > LINK_LIMITS.heldLowBytes) return false;
    this.#short = false;
    return true;
  }

  /** Whether so much more may be kept, for what cannot wait. */
  accepts(gatheredBytes: number): boolean {
    return this.#heldBytes + gatheredBytes < LINK_LIMITS.heldBytesMax;
  }

  /** Takes the batch over; it is the sender's until the peer has it. */
  offer(batch: OutgoingBatch): void {
    batch.number = ++this.#lastNumber;
    this.#kept.push(batch);
    this.#heldBytes += chargeOf(batch.bytes);
  }

  /** An empty batch of the usual size, used before or new. */
  spare(): OutgoingBatch {
    return this.#spares.pop() ?? new OutgoingBatch(LINK_LIMITS.batchGatherBytes);
  }

  /** A link to this start of the peer is up; answers what was lost with an older one. Then resume() has to come. */
  attach(incarnation: number): LostBatches | undefined {
    this.#attached = false;
    const known = this.#incarnation;
    const lost = known !== undefined && known !== incarnation ? this.drop() : undefined;
    this.#incarnation = incarnation;
    return lost;
  }

  detach(): void {
    this.#attached = false;
  }

  /**
   * The peer stands at `received` of this stream and allows up to `limit`. Answers what was lost when it has forgotten
   * batches that it had acked: the stream has begun again then, and has to be opened again.
   */
  resume(received: number, limit: number): LostBatches | undefined {
    if (this.#attached) throw sequenceFault('a resume that was not asked for');
    if (received > this.#sentEver) throw sequenceFault(`it has ${received} of ${this.#sentEver} that were sent`);
    if (received < this.#acked) return this.drop();
    this.#forget(received);
    this.#sent = received;
    this.#sentCharge = this.#ackedCharge;
    this.#limit = limit;
    this.#attached = true;
    return undefined;
  }

  /** The peer has all up to `received` and allows up to `limit`. */
  acked(received: number, limit: number): void {
    if (!this.#attached) throw sequenceFault('an ack before a resume');
    if (received > this.#sent || received < this.#acked) {
      throw sequenceFault(`it acked ${received} of ${this.#acked} to ${this.#sent}`);
    }
    if (limit < this.#limit) throw sequenceFault('it took credit back');
    this.#limit = limit;
    this.#forget(received);
  }

  /** The next batch to write, if one may go out now. */
  next(): OutgoingBatch | undefined {
    if (!this.#attached || this.#sent === this.#lastNumber || this.#sentCharge >= this.#limit) return undefined;
    const batch = this.#kept[this.#first + (this.#sent - this.#acked)];
    this.#sent = batch.number;
    this.#sentCharge += chargeOf(batch.bytes);
    if (batch.number <= this.#sentEver) this.resends++;
    else this.#sentEver = batch.number;
    return batch;
  }

  /** Drops all that is kept and begins a new stream; undefined when nothing was kept. */
  drop(): LostBatches | undefined {
    const kept = this.#kept.slice(this.#first);
    const incarnation = this.#incarnation;
    let envelopes = 0;
    let bytes = 0;
    for (const batch of kept) {
      envelopes += batch.count;
      bytes += batch.bytes;
    }
    this.#stream = this.#nextStream();
    this.#attached = false;
    this.#kept = [];
    this.#first = 0;
    this.#acked = this.#lastNumber = this.#sent = this.#sentEver = 0;
    this.#sentCharge = this.#ackedCharge = this.#limit = this.#heldBytes = 0;
    return kept.length === 0 ? undefined : { incarnation, batches: kept.length, envelopes, bytes };
  }

  #forget(upTo: number): void {
    while (this.#acked < upTo) {
      const batch = this.#kept[this.#first++];
      this.#acked = batch.number;
      const charge = chargeOf(batch.bytes);
      this.#ackedCharge += charge;
      this.#heldBytes -= charge;
      this.#recycle(batch);
    }
    if (this.#first < 64 || this.#first * 2 < this.#kept.length) return;
    this.#kept = this.#kept.slice(this.#first);
    this.#first = 0;
  }

  #recycle(batch: OutgoingBatch): void {
    if (batch.capacity !== LINK_LIMITS.batchGatherBytes || this.#spares.length >= LINK_LIMITS.sparesMax) return;
    batch.clear();
    this.#spares.push(batch);
  }
}

function sequenceFault(what: string): LinkError {
  return new LinkError('bad-sequence', `Cannot follow the peer's batches: ${what}`);
}
