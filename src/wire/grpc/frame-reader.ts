// Finds the length-prefixed messages in the chunks of one request stream. A message that lies wholly inside a chunk is
// handed out in place as (buffer, start, end); only one split over chunks is gathered in a buffer of its own.
//
//   chunk 1: | header message | header message | header mes      chunk 2: sage | header message |
//              in place         in place         gathered --------------->       in place
//
// Memory is bounded: a declared length is checked before a byte of it is kept, and the gathering buffer grows with what
// has arrived, not with what was announced. While paused, further chunks are kept as one contiguous copy, so that many
// tiny chunks cost their bytes and no more; how many arrive then is bounded by the stream's flow-control window.
// Pure; one a call, fed by the gRPC call of the door.
import { BrokerError } from '../../base/errors.ts';
import { FRAME_FLAG, FRAME_HEADER_BYTES, readFrameLength } from './frame.ts';
import { gunzip } from './gzip.ts';

const EMPTY = Buffer.alloc(0);

/** First size of a gathering buffer: most split messages are small. */
const GATHER_BYTES_MIN = 1024;

/** Where messages go. The bytes are valid only during the call. */
export interface FrameSink {
  message(bytes: Buffer, start: number, end: number): void;
}

export interface FrameReaderOptions {
  /** Largest message, also after decompression. */
  readonly messageBytesMax: number;
  /** The request's grpc-encoding: what a set compressed flag means. */
  readonly encoding: 'identity' | 'gzip';
}

/**
 * Cuts chunks into messages. Throws BrokerError for a message over the limit, a bad flag or bad compression; the reader
 * is of no use after that. Invariants: `#gathered` bytes of the current split frame lie at the start of `#gather`;
 * `#held` is empty unless paused.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #options: FrameReaderOptions;
  #gather: Buffer = EMPTY;
  #gathered = 0;
  #held: Buffer = EMPTY;
  #heldBytes = 0;
  #paused = false;
  #reading = false;

  constructor(sink: FrameSink, options: FrameReaderOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  /** A message has begun and not ended: the stream must not end here. */
  get midMessage(): boolean {
    return this.#gathered > 0;
  }

  /** Bytes kept here: of an unfinished message, and of what arrived while paused. */
  get bufferedBytes(): number {
    return this.#gathered + this.#heldBytes;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Hands out every message that `chunk` completes, unless paused. The chunk is not kept after the call. */
  push(chunk: Buffer): void {
    if (this.#paused || this.#reading) {
      this.#hold(chunk, 0);
      return;
    }
    this.#read(chunk);
  }

  /** No message is handed out until resume(), not even the rest of the chunk that is being read. */
  pause(): void {
    this.#paused = true;
  }

  /** Hands out what was held. The sink may pause again in the middle of it. */
  resume(): void {
    this.#paused = false;
    while (this.#heldBytes > 0 && !this.#paused && !this.#reading) {
      const held = this.#held.subarray(0, this.#heldBytes);
      this.#held = EMPTY;
      this.#heldBytes = 0;
      this.#read(held);
    }
  }

  /** Forgets what is kept. */
  clear(): void {
    this.#paused = true;
    this.#gather = EMPTY;
    this.#gathered = 0;
    this.#held = EMPTY;
    this.#heldBytes = 0;
  }

  #read(chunk: Buffer): void {
    this.#reading = true;
    try {
      this.#readFrom(chunk);
    } finally {
      this.#reading = false;
    }
  }

  #readFrom(chunk: Buffer): void {
    const size = chunk.length;
    let position = this.#gathered > 0 ? this.#continueGathering(chunk) : 0;
    while (position < size) {
      if (this.#paused) {
        this.#hold(chunk, position);
        return;
      }
      const start = position + FRAME_HEADER_BYTES;
      const length = start <= size ? this.#checkedLength(chunk, position) : 0;
      if (start > size || start + length > size) {
        this.#append(chunk, position, size);
        return;
      }
      position = start + length;
      if (chunk[start - FRAME_HEADER_BYTES] === FRAME_FLAG.plain) this.#sink.message(chunk, start, position);
      else this.#handOutCompressed(chunk, start, position);
    }
  }

  /** Adds to the split frame what it lacks, first of its header, then of its message. Returns how much it took. */
  #continueGathering(chunk: Buffer): number {
    let position = 0;
    if (this.#gathered < FRAME_HEADER_BYTES) {
      position = Math.min(FRAME_HEADER_BYTES - this.#gathered, chunk.length);
      this.#append(chunk, 0, position);
      if (this.#gathered < FRAME_HEADER_BYTES) return position;
    }
    const total = FRAME_HEADER_BYTES + this.#checkedLength(this.#gather, 0);
    const end = Math.min(position + total - this.#gathered, chunk.length);
    this.#append(chunk, position, end);
    if (this.#gathered < total) return end;
    const frame = this.#gather;
    this.#gather = EMPTY;
    this.#gathered = 0;
    if (frame[0] === FRAME_FLAG.plain) this.#sink.message(frame, FRAME_HEADER_BYTES, total);
    else this.#handOutCompressed(frame, FRAME_HEADER_BYTES, total);
    return end;
  }

  #checkedLength(bytes: Buffer, position: number): number {
    const flag = bytes[position];
    if (flag > FRAME_FLAG.compressed) {
      throw new BrokerError(
        'internal',
        `Cannot read message: the compressed flag must be 0 or 1: received ${flag}. Is the stream gRPC?`,
      );
    }
    if (flag === FRAME_FLAG.compressed && this.#options.encoding === 'identity') {
      throw new BrokerError('internal', 'Cannot read message: it is flagged compressed, and grpc-encoding is identity');
    }
    const length = readFrameLength(bytes, position);
    if (length > this.#options.messageBytesMax) throw tooLarge(length, this.#options.messageBytesMax);
    return length;
  }

  #handOutCompressed(bytes: Buffer, start: number, end: number): void {
    const plain = gunzip(bytes.subarray(start, end), this.#options.messageBytesMax);
    this.#sink.message(plain, 0, plain.length);
  }

  #append(chunk: Buffer, start: number, end: number): void {
    this.#gather = appended(this.#gather, this.#gathered, chunk.subarray(start, end));
    this.#gathered += end - start;
  }

  #hold(chunk: Buffer, start: number): void {
    this.#held = appended(this.#held, this.#heldBytes, start === 0 ? chunk : chunk.subarray(start));
    this.#heldBytes += chunk.length - start;
  }
}

/** Puts `extra` after the first `used` bytes of `bytes`, in a larger buffer when it does not fit. */
function appended(bytes: Buffer, used: number, extra: Buffer): Buffer {
  let target = bytes;
  if (used + extra.length > bytes.length) {
    target = Buffer.allocUnsafeSlow(Math.max(GATHER_BYTES_MIN, used + extra.length, bytes.length * 2));
    bytes.copy(target, 0, 0, used);
  }
  extra.copy(target, used);
  return target;
}

function tooLarge(received: number, max: number): BrokerError {
  return new BrokerError(
    'resource-exhausted',
    `Cannot read message: it may have at most ${max} bytes: received one of ${received}`,
  );
}
