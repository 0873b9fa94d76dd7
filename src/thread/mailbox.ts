// How shards talk: one ring for each ordered pair, one doorbell for each shard. A shard posts envelopes at any time and
// flushes once at the end of its loop turn; what others posted is handed to its handler in order, a bounded amount a
// turn, so that sockets are never starved. When the rings are empty the shard parks and the next flush wakes it.
//
//   post -> [overflow] -> ring -> flush -> doorbell ~~> drain -> handler.receive
//
// Lives on: a shard, one. Called by: the shard's broker (post), its loop turn (flush).
import { assert } from '../base/assert.ts';
import { MESSAGE_BYTES_CEILING, RING_BYTES, RING_CHUNK_BYTES_MAX } from '../base/limits.ts';
import { Doorbell, doorbellBytes, OwnDoorbell } from './doorbell.ts';
import { copyWords, writeEnvelope } from './envelope.ts';
import { Overflow } from './overflow.ts';
import { PartAssembly } from './part-assembly.ts';
import { RingConsumer, RingProducer, type SharedBytes } from './ring.ts';
import { ENVELOPE_BYTES, Part, RING_MEMORY_BYTES, RING_ROOM_BYTES } from './ring-layout.ts';

/** The shared memory of all rings and doorbells of a node; crosses to the threads in their start data. */
export interface Mesh {
  readonly threads: number;
  /** Ring from thread `from` to thread `to` at [from * threads + to]; none from a thread to itself. */
  readonly rings: readonly (SharedArrayBuffer | undefined)[];
  readonly doorbells: SharedArrayBuffer;
}

/** Makes the memory for so many threads to talk. */
export function createMesh(threads: number): Mesh {
  const rings: (SharedArrayBuffer | undefined)[] = [];
  for (let from = 0; from < threads; from++) {
    for (let to = 0; to < threads; to++) rings.push(from === to ? undefined : new SharedArrayBuffer(RING_MEMORY_BYTES));
  }
  return { threads, rings, doorbells: new SharedArrayBuffer(doorbellBytes(threads)) };
}

/** Who gets what other shards sent. */
export interface MailboxHandler {
  /** `offset` -1 = no payload. The memory is valid only during the call. */
  receive(
    from: number,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    memory: SharedBytes,
    offset: number,
  ): void;
  /** The ring to that thread, which was short of room, has room again. */
  room(to: number): void;
}

/** Envelopes taken from one ring before the next one's turn, and rounds before the sockets' turn. */
const ENVELOPES_PER_RING = 256;
const ROUNDS_PER_TURN = 4;

/** Above this fill the sources of a ring are stopped; at RING_ROOM_BYTES they go on. */
const FULL_BYTES = (RING_BYTES / 4) * 3;

/** Largest record: a message with its header, topic and padding. */
const RECORD_BYTES_MAX = MESSAGE_BYTES_CEILING + 64 * 1024;

class Peer {
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;
  readonly doorbell: Doorbell;
  readonly overflow = new Overflow();
  readonly assembly = new PartAssembly(RECORD_BYTES_MAX);
  /** hasRoom() said no, and there is no room yet. */
  short = false;
  /** There is room again, and the handler has not heard of it. */
  roomAgain = false;
  /** Times that the ring did not take an envelope at once. */
  fulls = 0;
  sent = 0;
  received = 0;
  wakes = 0;

  constructor(options: { outgoing: SharedArrayBuffer; incoming: SharedArrayBuffer; doorbell: Doorbell }) {
    this.producer = new RingProducer(options.outgoing);
    this.consumer = new RingConsumer(options.incoming);
    this.doorbell = options.doorbell;
  }
}

export interface RingFigures {
  readonly usedBytes: number;
  readonly overflowBytes: number;
  readonly sent: number;
  readonly received: number;
  /** Times that the other thread was parked and had to be woken. */
  readonly wakes: number;
  /** Times that the ring was full when an overflow began. */
  readonly fulls: number;
}

export interface MailboxOptions {
  readonly self: number;
  readonly mesh: Mesh;
  readonly handler: MailboxHandler;
}

export class Mailbox {
  readonly #handler: MailboxHandler;
  readonly #peers: (Peer | undefined)[];
  readonly #doorbell: OwnDoorbell;
  #stopped = false;
  #draining = false;
  /** The handler's room() is running. */
  #telling = false;

  constructor({ self, mesh, handler }: MailboxOptions) {
    this.#handler = handler;
    this.#doorbell = new OwnDoorbell(mesh.doorbells, { thread: self, onRing: () => this.#drain() });
    this.#peers = Array.from({ length: mesh.threads }, (_, peer) => {
      const outgoing = mesh.rings[self * mesh.threads + peer];
      const incoming = mesh.rings[peer * mesh.threads + self];
      if (outgoing === undefined || incoming === undefined) return undefined;
      return new Peer({ outgoing, incoming, doorbell: new Doorbell(mesh.doorbells, { thread: peer }) });
    });
  }

  /** Begins to receive. A node with one shard has nobody to hear from. */
  start(): void {
    if (this.#peers.length > 1) this.#drain();
  }

  stop(): void {
    this.#stopped = true;
    this.#doorbell.ring();
    this.#doorbell.close();
  }

  post(to: number, operation: number, target: number, a: number, b: number, c: number, d: number, e: number): void {
    const peer = this.#peer(to);
    const offset = peer.overflow.isEmpty ? peer.producer.reserve(ENVELOPE_BYTES) : -1;
    if (offset >= 0) {
      writeEnvelope(peer.producer.memory.words, offset >> 2, ENVELOPE_BYTES, operation, target, a, b, c, d, e);
      peer.producer.commit(ENVELOPE_BYTES);
    } else {
      const { words, at } = overflowed(peer, ENVELOPE_BYTES);
      writeEnvelope(words, at, ENVELOPE_BYTES, operation, target, a, b, c, d, e);
    }
    peer.sent++;
  }

  postRecord(
    to: number,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    memory: SharedBytes,
    offset: number,
  ): void {
    const peer = this.#peer(to);
    const size = memory.words[offset >> 2];
    assert(size > 0 && size <= RECORD_BYTES_MAX && (size & 7) === 0, 'a posted record is aligned and within the limit');
    peer.sent++;
    for (let start = 0; start < size; start += RING_CHUNK_BYTES_MAX) {
      const bytes = Math.min(RING_CHUNK_BYTES_MAX, size - start);
      const part = size === bytes ? Part.whole : start + bytes < size ? Part.some : Part.last;
      this.#postPart(peer, operation | (part << 16), target, a, b, c, d, e, memory, offset + start, bytes);
    }
  }

  #postPart(
    peer: Peer,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    memory: SharedBytes,
    offset: number,
    bytes: number,
  ): void {
    const total = ENVELOPE_BYTES + bytes;
    const reserved = peer.overflow.isEmpty ? peer.producer.reserve(total) : -1;
    if (reserved >= 0) {
      const words = peer.producer.memory.words;
      writeEnvelope(words, reserved >> 2, total, operation, target, a, b, c, d, e);
      copyWords(words, (reserved + ENVELOPE_BYTES) >> 2, memory.words, offset >> 2, bytes >> 2);
      peer.producer.commit(total);
      return;
    }
    const { words, at } = overflowed(peer, total);
    writeEnvelope(words, at, total, operation, target, a, b, c, d, e);
    copyWords(words, at + ENVELOPE_BYTES / 4, memory.words, offset >> 2, bytes >> 2);
  }

  /** Whether the way to that shard is free enough to go on reading what feeds it; room() follows when it was not. */
  hasRoom(to: number): boolean {
    const peer = this.#peer(to);
    if (peer.overflow.isEmpty && peer.producer.usedBytesMax() < FULL_BYTES) return true;
    if (peer.overflow.isEmpty && peer.producer.usedBytes() < FULL_BYTES) return true;
    peer.short = true;
    return false;
  }

  /**
   * Lets the other shards see what was posted, and wakes those that sleep. Called at the end of each loop turn. When
   * rings that were short have room again, the handler hears of it here, and what it then posts goes out too.
   */
  flush(): void {
    this.#flushPeers();
    // Not from within room(): the flush that called it goes on when it returns.
    if (this.#telling || !this.#hasUntold()) return;
    this.#telling = true;
    for (let to = 0; to < this.#peers.length; to++) {
      const peer = this.#peers[to];
      if (peer === undefined || !isUntold(peer)) continue;
      peer.roomAgain = false;
      this.#handler.room(to);
    }
    this.#telling = false;
    this.#flushPeers();
    // A ring that room() filled is empty again already. That is told in a turn of its own, so that sockets get theirs.
    if (this.#hasUntold()) this.#doorbell.ring();
  }

  #flushPeers(): void {
    for (const peer of this.#peers) if (peer !== undefined) this.#flushPeer(peer);
  }

  #flushPeer(peer: Peer): void {
    const { producer, overflow } = peer;
    do {
      if (!overflow.isEmpty) this.#moveOverflow(peer);
      if (producer.publish() && peer.doorbell.ring()) peer.wakes++;
      if (!peer.short) return;
      if (producer.usedBytes() > RING_ROOM_BYTES) {
        // Asked first and looked after, so that room given back in between is not missed: nobody would ring for it.
        producer.wantRoom();
        if (producer.usedBytes() > RING_ROOM_BYTES) return;
      }
      // There is room, so the first envelope of an overflow fits: each round moves some of it.
    } while (!overflow.isEmpty);
    peer.short = false;
    peer.roomAgain = true;
  }

  #hasUntold(): boolean {
    for (const peer of this.#peers) if (peer !== undefined && isUntold(peer)) return true;
    return false;
  }

  #moveOverflow(peer: Peer): void {
    const { overflow, producer } = peer;
    while (!overflow.isEmpty) {
      const size = overflow.firstSize();
      const offset = producer.reserve(size);
      if (offset < 0) {
        // What does not fit is moved when the consumer has given room back and rung for it.
        peer.short = true;
        return;
      }
      overflow.moveFirst(producer.memory.words, offset >> 2);
      producer.commit(size);
    }
  }

  /** Bytes that were sent and that the others have not taken. */
  get pendingBytes(): number {
    return this.#peers.reduce((sum, peer) => sum + (peer === undefined ? 0 : pendingBytes(peer)), 0);
  }

  /** Figures of the way to a shard, and of what came from it, for metrics. */
  ring(to: number): RingFigures {
    const { producer, overflow, sent, received, wakes, fulls } = this.#peer(to);
    return { usedBytes: producer.usedBytes(), overflowBytes: overflow.usedBytes, sent, received, wakes, fulls };
  }

  /** Hands out what has come, then waits for more, or goes on after the sockets had their turn. */
  readonly #drain = (): void => {
    if (this.#stopped) return;
    assert(!this.#draining, 'a handler does not drain the mailbox that called it');
    this.#draining = true;
    let more = true;
    for (let round = 0; round < ROUNDS_PER_TURN && more; round++) more = this.#drainRound();
    this.#draining = false;
    this.flush();
    if (more || !this.#park()) setImmediate(this.#drain);
  };

  /** One turn for each ring; true when any had something. */
  #drainRound(): boolean {
    let any = false;
    for (let from = 0; from < this.#peers.length; from++) {
      const peer = this.#peers[from];
      if (peer === undefined) continue;
      const count = this.#drainRing(from, peer);
      if (count === 0) continue;
      any = true;
      if (peer.consumer.release() && peer.doorbell.ring()) peer.wakes++;
    }
    return any;
  }

  #drainRing(from: number, peer: Peer): number {
    const { consumer } = peer;
    const { words } = consumer.memory;
    let count = 0;
    for (let offset = consumer.next(); offset >= 0; offset = consumer.next()) {
      const at = offset >> 2;
      const size = words[at];
      if (words[at + 1] >>> 16 === Part.whole)
        this.#receive(from, at, consumer.memory, size > ENVELOPE_BYTES ? offset + ENVELOPE_BYTES : -1, words);
      else this.#receivePart(from, peer, at, size);
      consumer.skip(size);
      peer.received++;
      if (++count === ENVELOPES_PER_RING) break;
    }
    return count;
  }

  #receive(from: number, at: number, memory: SharedBytes, payload: number, words: Int32Array): void {
    this.#handler.receive(
      from,
      words[at + 1] & 0xffff,
      words[at + 2],
      words[at + 3],
      words[at + 4],
      words[at + 5],
      words[at + 6],
      words[at + 7],
      memory,
      payload,
    );
  }

  #receivePart(from: number, peer: Peer, at: number, size: number): void {
    const { words } = peer.consumer.memory;
    const payload = words.subarray(at + ENVELOPE_BYTES / 4, at + size / 4);
    const record = peer.assembly.add(payload, words[at + 1] >>> 16 === Part.last);
    if (record !== undefined) this.#receive(from, at, record, 0, words);
  }

  /** Waits for the doorbell; false when there is something to read after all. */
  #park(): boolean {
    this.#doorbell.park();
    // Whoever published, or gave room back, before it could see us parked did not ring: this look finds what it did.
    const found = this.#peers.some((peer) => peer !== undefined && hasWork(peer));
    if (!found && !this.#hasUntold() && !this.#stopped && this.#doorbell.wait()) return true;
    this.#doorbell.unpark();
    return this.#stopped;
  }

  #peer(to: number): Peer {
    const peer = this.#peers[to];
    assert(peer !== undefined, 'envelopes go to another shard of the node');
    return peer;
  }
}

/** Room in the overflow for an envelope that the ring did not take. */
function overflowed(peer: Peer, size: number): { readonly words: Int32Array; readonly at: number } {
  if (peer.overflow.isEmpty) peer.fulls++;
  return peer.overflow.append(size);
}

function isUntold(peer: Peer): boolean {
  return peer.roomAgain && !peer.short;
}

function hasWork(peer: Peer): boolean {
  return peer.consumer.next() >= 0 || (peer.short && peer.producer.usedBytes() <= RING_ROOM_BYTES);
}

function pendingBytes({ producer, overflow }: Peer): number {
  return producer.usedBytes() + overflow.usedBytes;
}
