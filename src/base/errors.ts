// The one error a client may cause. Codes are a closed table; each front maps them once
// (gRPC: wire/grpc/status.ts, HTTP: admin/http-status.ts). A cause is logged at the edge and never sent.

/** What went wrong, in the terms of the canonical RPC codes. */
export type ErrorCode =
  | 'cancelled'
  | 'invalid-argument'
  | 'deadline-exceeded'
  | 'not-found'
  | 'already-exists'
  | 'permission-denied'
  | 'resource-exhausted'
  | 'failed-precondition'
  | 'out-of-range'
  | 'unimplemented'
  | 'internal'
  | 'unavailable'
  | 'unauthenticated';

/** How far an error reaches: one request is refused, or the whole connection is closed. */
export type ErrorScope = 'request' | 'connection';

/**
 * An expected error: bad input, a missing queue, a limit that was reached.
 * The message is sent to the client, so it says what was received and what would be right, and never holds a secret.
 */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly code: ErrorCode;
  readonly scope: ErrorScope;

  constructor(code: ErrorCode, message: string, options: { scope?: ErrorScope; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.scope = options.scope ?? 'request';
  }

  /** Turns anything thrown into a BrokerError; what was not expected becomes `internal` without its text. */
  static from(thrown: unknown): BrokerError {
    if (thrown instanceof BrokerError) return thrown;
    return new BrokerError('internal', 'Internal error', { cause: thrown });
  }
}
