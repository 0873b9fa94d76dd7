// What the gRPC door counts: plain numbers, read by metrics when asked. Written only on the door's own thread.

/** Why a connection, a call or a message was refused or cut: a closed table, so that it can be a metric's label. */
export type RefusalReason =
  | 'auth-failed'
  | 'buffered-limit'
  | 'call-failed'
  | 'connection-limit'
  | 'content-type'
  | 'deadline'
  | 'draining'
  | 'encoding'
  | 'http1'
  | 'keepalive'
  | 'metadata'
  | 'method'
  | 'not-http2'
  | 'output-limit'
  | 'ping-flood'
  | 'preface-timeout'
  | 'protocol-error'
  | 'rapid-reset'
  | 'settings-flood'
  | 'stream-limit'
  | 'timeout'
  | 'tls'
  | 'unfinished'
  | 'unknown-path';

/** Counters of one door. Gauges are `connections`, `streams`, `bufferedBytes`, `outputBytes`; all else only grows. */
export class GrpcStats {
  connections = 0;
  connectionsTotal = 0;
  streams = 0;
  streamsTotal = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** Bytes of unfinished and held request messages. */
  bufferedBytes = 0;
  /** Bytes of responses that are gathered or in HTTP/2, and not yet written out. */
  outputBytes = 0;
  /** Calls by path; paths that no method has are not listed, a client could invent any number of them. */
  readonly requests = new Map<string, number>();
  readonly refused = new Map<RefusalReason, number>();

  countRequest(path: string): void {
    this.requests.set(path, (this.requests.get(path) ?? 0) + 1);
  }

  countRefused(reason: RefusalReason): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }
}
