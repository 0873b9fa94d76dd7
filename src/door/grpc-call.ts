// One open call: joins the request and response side of an HTTP/2 stream with the handler of a service.
//
//   opening --authorized--> open --finish / failure / deadline--> finishing --stream closed--> closed
//
// While opening, requests are read and held (one window at most). A failure, a deadline or a lost connection closes the
// handler at once; a finish() of its own closes it when the stream is closed, so that written() callbacks come first.
// Lives on a shard thread, made by the GrpcConnection for each stream that the head rules let through.
import { constants, type ServerHttp2Stream } from 'node:http2';
import { AssertionError } from '../base/assert.ts';
import { BrokerError } from '../base/errors.ts';
import { ANONYMOUS, type Principal } from '../base/principal.ts';
import { FrameReader, type FrameSink } from '../wire/grpc/frame-reader.ts';
import type { GrpcCall, GrpcHandler, GrpcMetadata, GrpcMethod, GrpcTrailers } from '../wire/grpc/method.ts';
import type { OutputBuffer } from '../wire/grpc/output-buffer.ts';
import type { RequestHead } from '../wire/grpc/request-head.ts';
import { GRPC_STATUS, statusOf } from '../wire/grpc/status.ts';
import type { GrpcServing } from './grpc-serving.ts';
import type { RefusalReason } from './grpc-stats.ts';
import type { ConnectionOutput } from './output-account.ts';
import { type RequestOwner, RequestStream } from './request-stream.ts';
import { type ResponseOwner, ResponseStream } from './response-stream.ts';

/** What a call needs of the connection it came over. */
export interface CallConnection {
  readonly peer: string;
  readonly certificateName: string | undefined;
  /** Where its calls count what they have to say. */
  readonly output: ConnectionOutput;
  /** Counts input; false when the connection holds too much of it. */
  countInput(bytes: number, bufferedDelta: number): boolean;
  /** Ends the connection after the status of this call is out. */
  closeSoon(reason: RefusalReason): void;
}

/** Reasons why requests are not read; they are read when none holds. */
const PAUSE = { handler: 1, congested: 2, opening: 4 } as const;

/** Longest delay a Node timer takes; a deadline further off is none. */
const TIMER_MS_MAX = 0x7fffffff;

const NO_TRAILERS: GrpcTrailers = Object.freeze({});

export class OpenCall implements GrpcCall, FrameSink, RequestOwner, ResponseOwner {
  readonly metadata: GrpcMetadata;
  readonly deadlineMs: number;
  readonly out: OutputBuffer;
  readonly #serving: GrpcServing;
  readonly #connection: CallConnection;
  readonly #stream: ServerHttp2Stream;
  readonly #method: GrpcMethod;
  readonly #request: RequestStream;
  readonly #response: ResponseStream;
  #principal: Principal = ANONYMOUS;
  #handler: GrpcHandler | undefined;
  #handlerClosed = false;
  #finished = false;
  #pauses: number = PAUSE.opening;
  #messages = 0;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #finishTimer: NodeJS.Timeout | undefined;

  constructor(
    serving: GrpcServing,
    connection: CallConnection,
    call: { stream: ServerHttp2Stream; metadata: GrpcMetadata; head: RequestHead; method: GrpcMethod },
  ) {
    this.#serving = serving;
    this.#connection = connection;
    this.#stream = call.stream;
    this.#method = call.method;
    this.metadata = call.metadata;
    this.deadlineMs = Date.now() + call.head.timeoutMs;
    const { messageBytesMax } = serving.limits;
    const reader = new FrameReader(this, { messageBytesMax, encoding: call.head.encoding });
    this.#request = new RequestStream(call.stream, reader, this);
    this.#response = new ResponseStream(serving, call.stream, {
      owner: this,
      output: connection.output,
      gzip: serving.gzip && call.head.acceptsGzip,
    });
    this.out = this.#response.out;
    if (call.head.timeoutMs <= TIMER_MS_MAX) {
      this.#deadlineTimer = setTimeout(() => this.#passDeadline(), Math.max(0, call.head.timeoutMs));
    }
  }

  get peer(): string {
    return this.#connection.peer;
  }

  get principal(): Principal {
    return this.#principal;
  }

  get pendingBytes(): number {
    return this.#response.pendingBytes;
  }

  get congested(): boolean {
    return this.#response.congested;
  }

  /** Starts to read and to authorize. */
  start(): void {
    this.#stream.once('close', () => this.#close());
    this.#request.pause();
    this.#request.open();
    if (this.#method.unguarded === true) {
      this.#open(ANONYMOUS);
      return;
    }
    try {
      const principal = this.#serving.authorize(this.metadata, this.#connection.certificateName);
      if (principal instanceof Promise) principal.then((it) => this.#open(it)).catch((thrown) => this.#refuse(thrown));
      else this.#open(principal);
    } catch (thrown) {
      this.#refuse(thrown);
    }
  }

  flushSoon(): void {
    this.#response.flushSoon();
  }

  written(callback: () => void): void {
    if (!this.#finished) this.#response.written(callback);
  }

  sendHeaders(metadata: GrpcTrailers): void {
    if (!this.#finished) this.#response.sendHeaders(metadata);
  }

  finish(code: number = GRPC_STATUS.ok, message = '', trailers: GrpcTrailers = NO_TRAILERS): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#deadlineTimer);
    this.#request.discard();
    this.#response.finish({ code, message, trailers });
    this.#finishTimer = setTimeout(() => this.#abandon(), this.#serving.limits.finishTimeoutMs);
    this.#finishTimer.unref();
  }

  pause(): void {
    this.#setPause(PAUSE.handler);
  }

  resume(): void {
    this.#clearPause(PAUSE.handler);
  }

  // FrameSink: from the request's reader.

  message(bytes: Buffer, start: number, end: number): void {
    this.#messages++;
    if (this.#messages > 1 && !this.#method.requestStream) {
      throw new BrokerError('internal', `Cannot call ${this.#method.path}: it takes one message: received another`);
    }
    (this.#handler as GrpcHandler).message(bytes, start, end);
  }

  // RequestOwner

  chunkRead(bytes: number, bufferedDelta: number): void {
    if (this.#connection.countInput(bytes, bufferedDelta) || this.#finished) return;
    this.#serving.stats.countRefused('buffered-limit');
    this.#fail(
      new BrokerError('resource-exhausted', 'Cannot read message: too many bytes of unfinished messages are open'),
    );
  }

  requestEnded(): void {
    if (this.#finished) return;
    try {
      if (this.#messages === 0 && !this.#method.requestStream) {
        throw new BrokerError('internal', `Cannot call ${this.#method.path}: it takes one message: received none`);
      }
      this.#handler?.end();
    } catch (thrown) {
      this.requestFailed(thrown);
    }
  }

  requestFailed(thrown: unknown): void {
    this.#serving.stats.countRefused('call-failed');
    this.#fail(this.#expected(thrown));
  }

  // ResponseOwner

  outputCongested(): void {
    this.#setPause(PAUSE.congested);
  }

  outputDrained(): void {
    if (this.#finished) return;
    try {
      this.#handler?.drained();
    } catch (thrown) {
      this.requestFailed(thrown);
    }
    // What drained() had to say may have congested the call again.
    if (!this.#response.congested) this.#clearPause(PAUSE.congested);
  }

  outputOverflowed(): void {
    this.#serving.stats.countRefused('output-limit');
    this.#response.dropOutput();
    this.#fail(new BrokerError('resource-exhausted', 'Cannot send: the client does not read its responses'));
  }

  statusSent(): void {
    if (this.#request.ended) return;
    // The client may go on sending for ever: once the status is out (Node sends it in an immediate of its own, queued
    // before ours), RST_STREAM with NO_ERROR asks it to stop, as RFC 9113, 8.1 has it.
    setImmediate(() => {
      if (!this.#stream.destroyed && !this.#stream.closed) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #open(principal: Principal): void {
    if (this.#finished || this.#stream.destroyed || this.#stream.closed) return;
    this.#principal = principal;
    this.#serving.stats.countRequest(this.#method.path);
    try {
      this.#handler = this.#method.open(this);
    } catch (thrown) {
      this.requestFailed(thrown);
      return;
    }
    this.#clearPause(PAUSE.opening);
  }

  #refuse(thrown: unknown): void {
    this.#serving.stats.countRefused('auth-failed');
    this.#fail(this.#expected(thrown));
  }

  #expected(thrown: unknown): BrokerError {
    // A broken invariant must end the thread, not one call.
    if (thrown instanceof AssertionError) throw thrown;
    if (!(thrown instanceof BrokerError)) this.#serving.onUnexpected(thrown, this.#method.path);
    return BrokerError.from(thrown);
  }

  #fail(error: BrokerError): void {
    if (this.#finished) return;
    this.finish(statusOf(error.code), error.message);
    this.#closeHandler();
    if (error.scope === 'connection') this.#connection.closeSoon('call-failed');
  }

  #passDeadline(): void {
    this.#serving.stats.countRefused('deadline');
    this.#response.dropOutput();
    this.#fail(new BrokerError('deadline-exceeded', 'Deadline exceeded'));
  }

  /** The client does not read the end of its call. */
  #abandon(): void {
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#serving.stats.countRefused('unfinished');
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #close(): void {
    this.#finished = true;
    clearTimeout(this.#deadlineTimer);
    clearTimeout(this.#finishTimer);
    this.#closeHandler();
    this.#request.close();
    this.#response.close();
  }

  #closeHandler(): void {
    if (this.#handlerClosed) return;
    this.#handlerClosed = true;
    this.#handler?.closed();
  }

  #setPause(reason: number): void {
    if (this.#pauses === 0) this.#request.pause();
    this.#pauses |= reason;
  }

  #clearPause(reason: number): void {
    if ((this.#pauses & reason) === 0) return;
    this.#pauses &= ~reason;
    if (this.#pauses === 0) this.#request.resume();
  }
}
