// Cuts the bytes of a connection into frames. A head is checked against what the link may carry before anything is
// allocated for it, so that one frame is all that is ever kept. Batches come out in aligned memory (RecordMemory).
// Lives on: the thread of the links, one for each connection. Called by: link-connection.ts.
import type { RecordMemory } from '../../src/core/record.ts';
import type { BatchPool } from './batch-pool.ts';
import { checkHead, FRAME_HEAD_BYTES, FrameType, type LinkKind, TAG_BYTES } from './frame.ts';
import { LinkError } from './link-error.ts';
import type { FrameOpener } from './seal.ts';

/** Gets the frames. `bytes` is the body and valid during the call; `memory` is the receiver's to release. */
export interface FrameSink {
  frame(type: number, bytes: Buffer): void;
  batch(memory: RecordMemory, bytes: number): void;
}

export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #pool: BatchPool;
  #link: LinkKind | undefined;
  #opener: FrameOpener | undefined;
  readonly #head = Buffer.alloc(FRAME_HEAD_BYTES);
  #headSize = 0;
  /** Body and tag of the frame that is coming in; undefined between frames. */
  #body: Buffer | undefined;
  #memory: RecordMemory | undefined;
  #bodySize = 0;
  #stopped = false;

  constructor(sink: FrameSink, pool: BatchPool) {
    this.#sink = sink;
    this.#pool = pool;
  }

  /** The handshake is over: the next frame is of this link. Called while its last frame is handed out. */
  establish(link: LinkKind, opener: FrameOpener | undefined): void {
    this.#link = link;
    this.#opener = opener;
  }

  /** Bytes kept for the frame that is coming in. */
  get heldBytes(): number {
    return this.#headSize + (this.#body?.length ?? 0);
  }

  /** Hands out the frames that `chunk` completes. Throws LinkError; the connection is over then. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      at = this.#body === undefined ? this.#pushHead(chunk, at) : this.#pushBody(chunk, at, this.#body);
    }
  }

  /** Nothing more is handed out. */
  stop(): void {
    this.#stopped = true;
    this.#body = undefined;
    if (this.#memory !== undefined) this.#pool.release(this.#memory);
    this.#memory = undefined;
  }

  #pushHead(chunk: Buffer, from: number): number {
    const count = Math.min(FRAME_HEAD_BYTES - this.#headSize, chunk.length - from);
    chunk.copy(this.#head, this.#headSize, from, from + count);
    this.#headSize += count;
    const at = from + count;
    if (this.#headSize < FRAME_HEAD_BYTES) return at;
    const type = this.#head[4];
    const size = this.#head.readUInt32LE(0);
    checkHead(this.#link, type, size - this.#tagBytes);
    if (type === FrameType.batch) {
      this.#memory = this.#pool.allocate(size);
      this.#body = this.#memory.bytes.subarray(0, size);
    } else if (chunk.length - at >= size) {
      // The whole frame is in the chunk: it is read where it lies.
      this.#finish(chunk.subarray(at, at + size));
      return at + size;
    } else {
      this.#body = Buffer.allocUnsafeSlow(size);
    }
    return at;
  }

  #pushBody(chunk: Buffer, from: number, body: Buffer): number {
    const count = Math.min(body.length - this.#bodySize, chunk.length - from);
    chunk.copy(body, this.#bodySize, from, from + count);
    this.#bodySize += count;
    if (this.#bodySize === body.length) this.#finish(body);
    return from + count;
  }

  #finish(bodyAndTag: Buffer): void {
    const type = this.#head[4];
    const size = bodyAndTag.length - this.#tagBytes;
    const body = bodyAndTag.subarray(0, size);
    this.#opener?.open(this.#head, body, bodyAndTag.subarray(size));
    const memory = this.#memory;
    this.#headSize = 0;
    this.#bodySize = 0;
    this.#body = undefined;
    this.#memory = undefined;
    if (memory === undefined) this.#sink.frame(type, body);
    else this.#sink.batch(memory, size);
  }

  get #tagBytes(): number {
    return this.#opener === undefined ? 0 : TAG_BYTES;
  }
}

/** The one double of a ping, or the two of an ack. */
export function doublesOf(body: Buffer): readonly number[] {
  const values: number[] = [];
  for (let at = 0; at + 8 <= body.length; at += 8) values.push(body.readDoubleLE(at));
  for (const value of values) {
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
      throw new LinkError('bad-frame', 'Cannot read a frame: a number of it is none that was ever sent');
    }
  }
  return values;
}
