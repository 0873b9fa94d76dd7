// One TCP or TLS connection, from its first byte to its end: the handshake, then frames both ways. It knows nothing of
// pairs, streams or reconnecting; those are its owner's (peer.ts).
// Lives on: the thread of the links. Edge: owns a socket and timers.
import { randomBytes } from 'node:crypto';
import type net from 'node:net';
import type { RecordMemory } from '../../src/core/record.ts';
import { LINK_LIMITS } from '../limits.ts';
import type { OutgoingBatch } from './batch.ts';
import type { BatchPool } from './batch-pool.ts';
import { type ControlMessage, packControl, unpackControl } from './control-codec.ts';
import { allocateFrame, doublesFrame, FRAME_HEAD_BYTES, FrameType, type LinkKind, TAG_BYTES } from './frame.ts';
import { doublesOf, FrameDecoder } from './frame-decoder.ts';
import {
  DialerHandshake,
  type Established,
  type HandshakeStep,
  type LinkIdentity,
  type LinkPeer,
  ListenerHandshake,
} from './handshake.ts';
import { NONCE_BYTES, readHandshake } from './handshake-messages.ts';
import { LinkError } from './link-error.ts';
import { FrameOpener, FrameSealer } from './seal.ts';

/** What its owner hears of a connection that is no link yet: one of the two, once. */
export interface OpeningEvents {
  /** The owner calls listen() in it, or closes the connection. */
  readonly established: (connection: LinkConnection, result: Established) => void;
  readonly failed: (connection: LinkConnection, error: LinkError) => void;
}

/** What its owner hears of a link. */
export interface LinkEvents {
  readonly control: (message: ControlMessage) => void;
  readonly batch: (memory: RecordMemory, bytes: number) => void;
  /** A fixed frame of the bulk link: ack, open or resume. */
  readonly numbers: (type: number, first: number, second: number) => void;
  readonly roundTrip: (ms: number) => void;
  /** All frames of one read were handed out. */
  readonly turn: () => void;
  /** The socket takes more. */
  readonly drained: () => void;
  /** Once, at the end; `error` says why. */
  readonly closed: (error: LinkError) => void;
}

/** Which end of the connection this is. */
export type ConnectionRole =
  | { readonly kind: 'dialer'; readonly link: LinkKind; readonly expected: string | undefined }
  | { readonly kind: 'listener'; readonly admit: (peer: LinkPeer, link: LinkKind) => LinkError | undefined };

export interface ConnectionOptions {
  readonly socket: net.Socket;
  readonly role: ConnectionRole;
  readonly self: LinkIdentity;
  readonly sharedKey: string | undefined;
  readonly pool: BatchPool;
  readonly nowMs: () => number;
}

export class LinkConnection {
  readonly role: ConnectionRole['kind'];
  readonly #socket: net.Socket;
  readonly #nowMs: () => number;
  readonly #decoder: FrameDecoder;
  readonly #timer: NodeJS.Timeout;
  #handshake: DialerHandshake | ListenerHandshake | undefined;
  readonly #opening: OpeningEvents;
  #events: LinkEvents | undefined;
  #sealer: FrameSealer | undefined;
  #closed = false;
  #heardMs: number;
  #needsDrain = false;
  bytesIn = 0;
  bytesOut = 0;
  framesIn = 0;
  framesOut = 0;

  constructor(options: ConnectionOptions, opening: OpeningEvents) {
    const { socket, role, self, sharedKey, pool, nowMs } = options;
    this.role = role.kind;
    this.#socket = socket;
    this.#nowMs = nowMs;
    this.#opening = opening;
    this.#heardMs = nowMs();
    this.#decoder = new FrameDecoder(
      { frame: (type, body) => this.#frame(type, body), batch: (memory, bytes) => this.#batch(memory, bytes) },
      pool,
    );
    const nonce = randomBytes(NONCE_BYTES);
    this.#handshake =
      role.kind === 'dialer'
        ? new DialerHandshake({ self, sharedKey, nonce, link: role.link, expected: role.expected })
        : new ListenerHandshake({ self, sharedKey, nonce, admit: role.admit });
    this.#timer = setTimeout(() => {
      this.close(new LinkError('timeout', `Cannot open a link in ${LINK_LIMITS.handshakeTimeoutMs} ms`));
    }, LINK_LIMITS.handshakeTimeoutMs);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('drain', () => this.#drain());
    socket.on('error', (error) => this.#end(new LinkError('closed', error.message)));
    socket.on('close', () => this.#end(new LinkError('closed', 'the connection ended')));
  }

  /** The dialer speaks first, when its socket is connected. */
  start(): void {
    if (this.#handshake instanceof DialerHandshake) this.#run(this.#handshake.start());
  }

  /** It is a link now, and this hears of it. */
  listen(events: LinkEvents): void {
    this.#events = events;
  }

  /** When the peer was last heard of. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Bytes that the socket has not taken yet. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** False when the peer has so much unread that it cannot be alive: it is closed then. */
  sendControl(message: object): boolean {
    if (!this.#isRead()) return false;
    this.#writeBody(FrameType.control, packControl(message));
    return true;
  }

  sendNumbers(type: number, numbers: readonly number[]): void {
    if (this.#isRead()) this.#write(doublesFrame(type, numbers, this.#tagBytes));
  }

  ping(): void {
    this.sendNumbers(FrameType.ping, [this.#nowMs()]);
  }

  /** Whether more batches may be given to the socket; drained() follows when not. */
  get takesBatches(): boolean {
    if (this.#closed) return false;
    if (this.queuedBytes < LINK_LIMITS.socketBytesHigh) return true;
    this.#needsDrain = true;
    return false;
  }

  sendBatch(batch: OutgoingBatch): void {
    this.#write(batch.frame(this.#tagBytes));
  }

  /** Ends the connection. During the handshake the peer is told why. */
  close(error: LinkError): void {
    if (this.#closed) return;
    if (this.#handshake !== undefined && error.code !== 'closed') this.#refuse(error);
    else this.#socket.destroy();
    this.#end(error);
  }

  /** Whether the connection stands and its peer reads; one that does not is closed before it fills memory. */
  #isRead(): boolean {
    if (this.#closed) return false;
    if (this.queuedBytes <= LINK_LIMITS.controlOutputBytesMax) return true;
    this.close(new LinkError('slow', `Cannot send: the peer has ${this.queuedBytes} bytes unread`));
    return false;
  }

  #refuse(error: LinkError): void {
    this.#writeBody(FrameType.handshake, packControl({ kind: 'refuse', code: error.code, reason: error.message }));
    this.#socket.end();
    // Reads on, so that what the peer has sent does not turn into a reset that would swallow the reason.
    const linger = setTimeout(() => this.#socket.destroy(), LINK_LIMITS.refusalLingerMs);
    this.#socket.once('close', () => clearTimeout(linger));
  }

  #end(error: LinkError): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#decoder.stop();
    if (this.#events === undefined) this.#opening.failed(this, error);
    else this.#events.closed(error);
  }

  #data(chunk: Buffer): void {
    if (this.#closed) return;
    this.bytesIn += chunk.length;
    this.#heardMs = this.#nowMs();
    try {
      this.#decoder.push(chunk);
      if (!this.#closed) this.#events?.turn();
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.close(error);
    }
  }

  #frame(type: number, body: Buffer): void {
    if (this.#closed) return;
    this.framesIn++;
    if (type === FrameType.handshake) this.#run(this.#shake(body));
    else if (type === FrameType.control) this.#events?.control(unpackControl(body));
    else {
      const [first, second] = doublesOf(body);
      if (type === FrameType.ping) this.sendNumbers(FrameType.pong, [first]);
      else if (type === FrameType.pong) this.#events?.roundTrip(Math.max(0, this.#nowMs() - first));
      else this.#events?.numbers(type, first, second);
    }
  }

  #batch(memory: RecordMemory, bytes: number): void {
    if (this.#closed) return;
    this.framesIn++;
    this.#events?.batch(memory, bytes);
  }

  #shake(body: Buffer): HandshakeStep[] {
    // checkHead() lets no handshake frame through once the link is established.
    return this.#handshake?.receive(readHandshake(unpackControl(body))) ?? [];
  }

  #run(steps: readonly HandshakeStep[]): void {
    for (const step of steps) {
      if (this.#closed) return;
      if (step.kind === 'send') this.#writeBody(FrameType.handshake, packControl(step.message));
      else if (step.kind === 'established') this.#establish(step);
      else {
        this.#socket.destroy();
        this.#end(new LinkError('refused', `${step.code}: ${step.reason}`));
      }
    }
  }

  #establish(result: Established): void {
    const { keys, link } = result;
    clearTimeout(this.#timer);
    this.#handshake = undefined;
    this.#decoder.establish(link, keys === undefined ? undefined : new FrameOpener(keys.receive));
    this.#sealer = keys === undefined ? undefined : new FrameSealer(keys.send);
    this.#opening.established(this, result);
  }

  get #tagBytes(): number {
    return this.#sealer === undefined ? 0 : TAG_BYTES;
  }

  #writeBody(type: number, body: Buffer): void {
    const frame = allocateFrame(type, body.length, this.#tagBytes);
    frame.set(body, FRAME_HEAD_BYTES);
    this.#write(frame);
  }

  #write(frame: Buffer): void {
    this.#sealer?.seal(frame);
    this.framesOut++;
    this.bytesOut += frame.length;
    this.#socket.write(frame);
  }

  #drain(): void {
    if (!this.#needsDrain || this.#closed) return;
    this.#needsDrain = false;
    this.#events?.drained();
  }
}
