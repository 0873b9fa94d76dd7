// What a gRPC service is to the door, and what the door is to a service. The door opens a handler for every call and
// hands it message bytes; the handler appends framed messages to `call.out` and asks for a flush. Nothing here knows
// of http2: sessions are written and tested against these interfaces alone.
import type { Principal } from '../../base/principal.ts';
import type { OutputBuffer } from './output-buffer.ts';

/** Request metadata, names in lower case. A `-bin` value is still base64; `decodeBinary` of metadata.ts reads it. */
export type GrpcMetadata = Readonly<Record<string, string | string[] | undefined>>;

/** Metadata to send. A Buffer belongs to a name that ends in `-bin`. */
export type GrpcTrailers = Readonly<Record<string, string | Buffer>>;

/** One rpc of a service. */
export interface GrpcMethod {
  /** "/package.Service/Method". */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  /** Served without authorization and while draining: health, for probes that have no token. */
  readonly unguarded?: boolean;
  /** Opened even while draining for a client that gave `redirect` metadata: the handler sends it there. */
  readonly redirects?: boolean;
  /** Called when the call is authorized. May throw BrokerError: the call then ends with its status. */
  open(call: GrpcCall): GrpcHandler;
}

/**
 * The server side of one open call. Any method but closed() may throw BrokerError, which ends the call with its status;
 * scope 'connection' closes the client's connection too.
 */
export interface GrpcHandler {
  /** One request message. The bytes are valid only during the call. */
  message(bytes: Buffer, start: number, end: number): void;
  /** The client half-closed: no message follows. */
  end(): void;
  /** Exactly once and last: finished, cancelled, reset, past its deadline, or the connection was lost. */
  closed(): void;
  /** The call is congested no longer. */
  drained(): void;
}

/** The client's side of one open call, as its handler sees it. */
export interface GrpcCall {
  readonly metadata: GrpcMetadata;
  /** "address:port" of the client. */
  readonly peer: string;
  readonly principal: Principal;
  /** Append messages here, prefix included, then flushSoon(). */
  readonly out: OutputBuffer;
  /** Bytes handed to http2 and not yet written out, and those in `out`. */
  readonly pendingBytes: number;
  /**
   * pendingBytes reached the high-water mark, or that of the connection or shard was, and has not fallen below the low
   * one yet: drained() will follow.
   */
  readonly congested: boolean;
  /** Absolute, in Date.now() milliseconds; Infinity if the client gave none. */
  readonly deadlineMs: number;
  /** Everything in `out` leaves in one write at the end of this loop turn. */
  flushSoon(): void;
  /** Calls back when everything appended so far has been handed to the socket; never after closed(). */
  written(callback: () => void): void;
  /** Sends response metadata ahead of the first message. Without it, headers go out with the first flush. */
  sendHeaders(metadata: GrpcTrailers): void;
  /** Flushes, then ends the call with a status: 0 is OK. Later calls do nothing. */
  finish(code?: number, message?: string, trailers?: GrpcTrailers): void;
  /** Stops reading request messages at once, also those already here; flow control reaches the client. */
  pause(): void;
  resume(): void;
}
