// The records between this node and one peer: gathers what is posted in a loop turn into batches, sends them within the
// peer's credit, and hands out what comes in. It outlives connections: a new one goes on where the last one stood.
//
//   post -> gathered -> flush -> sender -> pump ~~> socket          socket ~~> receiver -> batch -> take -> credit
//
// Lives on: the thread of the links. Called by: peer-links.ts.
import type { RecordMemory } from '../../src/core/record.ts';
import { LINK_LIMITS } from '../limits.ts';
import {
  BATCH_HEADER_BYTES,
  batchFault,
  ENVELOPE_BYTES,
  type EnvelopeVisitor,
  forEachEnvelope,
  OutgoingBatch,
  type Words,
} from './batch.ts';
import type { BatchPool } from './batch-pool.ts';
import { BulkReceiver } from './bulk-receiver.ts';
import { BulkSender, type LostBatches } from './bulk-sender.ts';
import { FrameType } from './frame.ts';
import type { LinkConnection } from './link-connection.ts';
import { LinkError } from './link-error.ts';
import type { PeerBatch } from './link-handler.ts';

export interface PeerBulkOptions {
  readonly pool: BatchPool;
  readonly nextStream: () => number;
  readonly windowBytes: number;
  readonly onBatch: (batch: PeerBatch) => void;
  readonly onRoom: () => void;
  readonly onLost: (lost: LostBatches) => void;
  /** Something was posted, and a flush has to follow at the end of the turn. */
  readonly onPosted: () => void;
}

export class PeerBulk {
  readonly #options: PeerBulkOptions;
  readonly #sender: BulkSender;
  #receiver: BulkReceiver | undefined;
  #connection: LinkConnection | undefined;
  #incarnation = 0;
  /** Times that the peer has said on this connection which stream it sends: once, and again when we forgot it. */
  #opens = 0;
  #gathered: OutgoingBatch;
  #duplicates = 0;
  refusedPosts = 0;

  constructor(options: PeerBulkOptions) {
    this.#options = options;
    this.#sender = new BulkSender(options.nextStream);
    this.#gathered = this.#sender.spare();
  }

  get heldBytes(): number {
    return this.#sender.heldBytes + this.#gatheredBytes;
  }

  get waitingBytes(): number {
    return this.#receiver?.waitingBytes ?? 0;
  }

  get resends(): number {
    return this.#sender.resends;
  }

  get duplicates(): number {
    return this.#duplicates;
  }

  hasRoom(): boolean {
    return this.#sender.hasRoom(this.#gatheredBytes);
  }

  /** Posts one envelope, with the record at `offset` of `memory` unless that is -1. False = too much is kept. */
  post(
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    memory: Words,
    offset: number,
  ): boolean {
    if (!this.#sender.accepts(this.#gatheredBytes)) {
      this.refusedPosts++;
      return false;
    }
    const recordBytes = offset < 0 ? 0 : memory.words[offset >> 2];
    if (!this.#gathered.fits(recordBytes)) this.#makeRoom(recordBytes);
    if (this.#gathered.isEmpty) this.#options.onPosted();
    this.#gathered.append(operation, target, a, b, c, d, e, memory, offset);
    return true;
  }

  /** Sends what was posted. Called at the end of the loop turn. */
  flush(): void {
    this.#offerGathered();
    this.#pump();
  }

  /** A bulk link to this start of the peer is up. */
  attach(connection: LinkConnection, incarnation: number): void {
    // What was gathered was meant for the start known so far: it is lost with that one's.
    this.#offerGathered();
    this.#connection = connection;
    this.#incarnation = incarnation;
    this.#opens = 0;
    this.#lost(this.#sender.attach(incarnation));
    this.#open(connection);
  }

  detach(): void {
    this.#connection = undefined;
    this.#sender.detach();
  }

  /** The peer is given up. */
  drop(): void {
    this.#offerGathered();
    this.#lost(this.#sender.drop());
  }

  /** An ack, open or resume came in. */
  numbers(type: number, first: number, second: number): void {
    if (type === FrameType.open) this.#openedBy(first);
    else if (type === FrameType.ack) this.#sender.acked(first, second);
    else this.#resumes(first, second);
    this.#pump();
    if (this.#sender.takeRoom()) this.#options.onRoom();
  }

  /** A batch came in. */
  batch(memory: RecordMemory, bytes: number): void {
    const receiver = this.#receiver;
    if (receiver === undefined || this.#opens === 0) {
      throw new LinkError('bad-sequence', 'Cannot take a batch: no stream was opened on this connection');
    }
    const fault = batchFault(memory, bytes);
    if (fault !== undefined) throw new LinkError('bad-frame', `Cannot read a batch: ${fault}`);
    if (receiver.receive(memory.doubles[0], bytes)) {
      this.#options.onBatch(this.#incoming(receiver, memory, bytes));
    } else {
      this.#duplicates++;
      this.#options.pool.release(memory);
    }
  }

  /** All frames of one read were handed out: one ack for all of them. */
  turn(): void {
    const receiver = this.#receiver;
    if (this.#opens === 0 || receiver === undefined || !receiver.shouldTell) return;
    this.#connection?.sendNumbers(FrameType.ack, receiver.tell());
  }

  /** The socket takes more. */
  drained(): void {
    this.#pump();
  }

  get #gatheredBytes(): number {
    return this.#gathered.isEmpty ? 0 : this.#gathered.bytes;
  }

  /** A batch that is full goes out at once; a record that fits none gets one of its own. */
  #makeRoom(recordBytes: number): void {
    this.flush();
    const bytes = BATCH_HEADER_BYTES + ENVELOPE_BYTES + recordBytes;
    if (bytes > this.#gathered.capacity) this.#gathered = new OutgoingBatch(bytes);
  }

  #offerGathered(): void {
    const batch = this.#gathered;
    if (batch.isEmpty) return;
    if (batch.bytes < LINK_LIMITS.batchCopyBytesMax) {
      this.#sender.offer(batch.compacted());
      batch.clear();
    } else {
      this.#sender.offer(batch);
      this.#gathered = this.#sender.spare();
    }
  }

  #pump(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    while (connection.takesBatches) {
      const batch = this.#sender.next();
      if (batch === undefined) return;
      connection.sendBatch(batch);
    }
  }

  #open(connection: LinkConnection): void {
    connection.sendNumbers(FrameType.open, [this.#sender.stream, this.#sender.firstKept]);
  }

  #openedBy(stream: number): void {
    // Each new stream has a window of its own, so their number has to be bounded too.
    if (++this.#opens > 2) throw new LinkError('bad-sequence', 'Cannot open a third stream on one connection');
    const known = this.#receiver;
    if (known === undefined || known.incarnation !== this.#incarnation || known.stream !== stream) {
      const { windowBytes } = this.#options;
      this.#receiver = new BulkReceiver({ incarnation: this.#incarnation, stream, windowBytes });
    }
    this.#connection?.sendNumbers(FrameType.resume, this.#receiver?.tell() ?? []);
  }

  #resumes(received: number, limit: number): void {
    this.#lost(this.#sender.resume(received, limit));
    // The peer has forgotten this stream, so another one was begun.
    if (!this.#sender.isAttached && this.#connection !== undefined) this.#open(this.#connection);
  }

  #lost(lost: LostBatches | undefined): void {
    if (lost !== undefined) this.#options.onLost(lost);
    if (this.#sender.takeRoom()) this.#options.onRoom();
  }

  #incoming(receiver: BulkReceiver, memory: RecordMemory, bytes: number): PeerBatch {
    const batch = { number: receiver.received, count: memory.words[2], bytes, memory };
    let taken = false;
    return {
      count: batch.count,
      bytes,
      visit: (visitor: EnvelopeVisitor) => forEachEnvelope(batch, visitor),
      take: () => {
        if (taken) return;
        taken = true;
        receiver.taken(bytes);
        this.#options.pool.release(memory);
        if (receiver === this.#receiver && receiver.owesCredit) this.turn();
      },
    };
  }
}
