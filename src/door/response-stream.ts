// The response side of one HTTP/2 stream: gathers messages, writes them once a loop turn, ends with a status.
//
//   out (gathering) --flush--> one write in flight --callback--> pool        pendingBytes = in flight + gathered
//
// Only one write is in flight: what is said meanwhile goes on gathering, so that a client that reads slowly costs its
// bytes and not a half-empty buffer a turn. Above the high-water mark the call is congested until it falls below the
// low one. Pending bytes are counted for the connection and the shard too, whose marks congest and end calls as well.
import { constants, type ServerHttp2Stream } from 'node:http2';
import { compressFrames } from '../wire/grpc/compress-frames.ts';
import { addMetadata } from '../wire/grpc/metadata.ts';
import type { GrpcTrailers } from '../wire/grpc/method.ts';
import { OutputBuffer } from '../wire/grpc/output-buffer.ts';
import { ACCEPT_ENCODING } from '../wire/grpc/request-head.ts';
import { encodeStatusMessage } from '../wire/grpc/status.ts';
import type { Flushable } from './flush-queue.ts';
import type { GrpcServing } from './grpc-serving.ts';
import type { AccountedCall, ConnectionOutput } from './output-account.ts';

export interface ResponseOwner {
  /** A high-water mark was passed. */
  outputCongested(): void;
  /** And fallen below the low one. */
  outputDrained(): void;
  /** Output passed what one call, or all of a connection or shard, may have at all. */
  outputOverflowed(): void;
  /** The status has been handed to HTTP/2. */
  statusSent(): void;
}

interface Status {
  readonly code: number;
  readonly message: string;
  readonly trailers: GrpcTrailers;
}

/** `#status` is set once; after that nothing is gathered any more, and what was gathered before still leaves. */
export class ResponseStream implements Flushable, AccountedCall {
  readonly out: OutputBuffer;
  readonly #serving: GrpcServing;
  readonly #stream: ServerHttp2Stream;
  readonly #owner: ResponseOwner;
  readonly #output: ConnectionOutput;
  readonly #gzip: boolean;
  #metadata: GrpcTrailers | undefined;
  #status: Status | undefined;
  #buffer: Buffer | undefined;
  #inFlightBytes = 0;
  #writtenBytes = 0;
  /** pendingBytes as they were counted last. */
  #countedBytes = 0;
  #burstBytes = 0;
  #marked = false;
  #congested = false;
  #ended = false;
  #closed = false;
  #waiting: { readonly bytes: number; readonly callback: () => void }[] = [];

  constructor(
    serving: GrpcServing,
    stream: ServerHttp2Stream,
    options: { owner: ResponseOwner; output: ConnectionOutput; gzip: boolean },
  ) {
    this.#serving = serving;
    this.#stream = stream;
    this.#owner = options.owner;
    this.#output = options.output;
    this.#gzip = options.gzip;
    this.out = new OutputBuffer(serving.buffers);
  }

  get pendingBytes(): number {
    return this.#inFlightBytes + this.out.position;
  }

  get congested(): boolean {
    return this.#congested;
  }

  get burstBytes(): number {
    return this.#burstBytes;
  }

  flushSoon(): void {
    if (this.#ended) {
      // The status is out: what a handler says after it goes nowhere.
      this.dropOutput();
      return;
    }
    if (!this.#marked) {
      this.#marked = true;
      this.#serving.flushes.add(this);
    }
    const pendingBytes = this.#inFlightBytes + this.out.position;
    this.#output.count(pendingBytes - this.#countedBytes);
    this.#countedBytes = pendingBytes;
    if (pendingBytes > this.#output.holdAboveBytes) this.#checkOutput(pendingBytes);
  }

  written(callback: () => void): void {
    this.#waiting.push({ bytes: this.#writtenBytes + this.pendingBytes, callback });
    this.flushSoon();
  }

  sendHeaders(metadata: GrpcTrailers): void {
    if (this.#stream.headersSent || this.#stream.destroyed || this.#stream.closed) return;
    this.#metadata = metadata;
    this.#respond();
  }

  /** The first status counts. What lies in `out` leaves before it. */
  finish(status: Status): void {
    if (this.#status !== undefined) return;
    this.#status = status;
    if (this.#congested) this.#output.forget(this);
    this.flushSoon();
  }

  /** Drops what was not handed to HTTP/2 yet. */
  dropOutput(): void {
    this.#give(this.out.take());
    this.#recount();
  }

  letOn(): void {
    this.#congested = false;
    this.#owner.outputDrained();
  }

  flush(): void {
    this.#marked = false;
    if (this.#ended || this.#stream.destroyed || this.#stream.closed || this.#inFlightBytes > 0) return;
    if (this.out.position > 0) this.#write();
    else this.#settleWaiting();
    if (this.#status !== undefined && this.out.position === 0) this.#end(this.#status);
  }

  /** The stream is gone: callbacks that still wait are dropped with it. */
  close(): void {
    this.#ended = true;
    this.#closed = true;
    this.#waiting = [];
    this.#inFlightBytes = 0;
    if (this.#congested) this.#output.forget(this);
    this.dropOutput();
  }

  #write(): void {
    if (!this.#stream.headersSent) this.#respond();
    const length = this.out.position;
    const buffer = this.out.take();
    const gathered = buffer.subarray(0, length);
    const bytes = this.#gzip ? compressFrames(gathered, this.#serving.limits.gzipThresholdBytes) : gathered;
    this.#buffer = buffer;
    this.#inFlightBytes = length;
    this.#serving.stats.bytesOut += bytes.length;
    this.#stream.write(bytes, this.#onWritten);
  }

  readonly #onWritten = (error?: Error | null): void => {
    // After an error the socket may still read from the buffer: it is left to the garbage collector.
    if (error == null && this.#buffer !== undefined) this.#give(this.#buffer);
    this.#buffer = undefined;
    this.#writtenBytes += this.#inFlightBytes;
    this.#inFlightBytes = 0;
    this.#recount();
    if (error != null || this.#closed) return;
    this.#settleWaiting();
    if (this.#congested && this.#status === undefined) this.#output.written(this);
    if (this.out.position > 0 || this.#status !== undefined) this.flush();
  };

  #settleWaiting(): void {
    while (this.#waiting.length > 0 && this.#waiting[0].bytes <= this.#writtenBytes) this.#waiting.shift()?.callback();
  }

  #recount(): void {
    const { pendingBytes } = this;
    if (pendingBytes === this.#countedBytes) return;
    this.#output.count(pendingBytes - this.#countedBytes);
    this.#countedBytes = pendingBytes;
  }

  #checkOutput(pendingBytes: number): void {
    // The call has its status: what was said before still leaves, and nobody waits for it.
    if (this.#status !== undefined) return;
    if (pendingBytes > this.#serving.limits.outputBytesMax || this.#output.overflowing) {
      this.#owner.outputOverflowed();
    } else if (!this.#congested) {
      this.#congested = true;
      this.#burstBytes = pendingBytes;
      this.#output.hold(this);
      this.#owner.outputCongested();
    } else if (pendingBytes > this.#burstBytes) {
      this.#burstBytes = pendingBytes;
    }
  }

  #respond(): void {
    this.#stream.respond(this.#headers(), { waitForTrailers: true });
    this.#stream.on('wantTrailers', () => this.#sendTrailers());
  }

  #headers(): Record<string, string> {
    const headers: Record<string, string> = {
      ':status': '200',
      'content-type': 'application/grpc+proto',
      'grpc-accept-encoding': ACCEPT_ENCODING,
    };
    if (this.#gzip) headers['grpc-encoding'] = 'gzip';
    if (this.#metadata !== undefined) addMetadata(headers, this.#metadata);
    return headers;
  }

  #end(status: Status): void {
    this.#ended = true;
    if (this.#stream.headersSent) {
      this.#stream.end();
      return;
    }
    this.#stream.respond({ ...this.#headers(), ...statusHeaders(status) }, { endStream: true });
    this.#owner.statusSent();
  }

  #sendTrailers(): void {
    if (this.#stream.destroyed || this.#stream.closed || this.#status === undefined) return;
    this.#stream.sendTrailers(statusHeaders(this.#status));
    this.#owner.statusSent();
  }

  #give(buffer: Buffer): void {
    if (buffer.length > 0) this.#serving.buffers.give(buffer);
  }
}

/** For a call that was refused before it was opened: headers and status in one block. */
export function respondStatus(stream: ServerHttp2Stream, status: Status): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return;
  const headers = {
    [constants.HTTP2_HEADER_STATUS]: '200',
    'content-type': 'application/grpc+proto',
    'grpc-accept-encoding': ACCEPT_ENCODING,
  };
  stream.respond({ ...headers, ...statusHeaders(status) }, { endStream: true });
}

function statusHeaders(status: Status): Record<string, string> {
  const headers: Record<string, string> = { 'grpc-status': String(status.code) };
  if (status.message !== '') headers['grpc-message'] = encodeStatusMessage(status.message);
  addMetadata(headers, status.trailers);
  return headers;
}
