// What the library throws. gRPC statuses and refusals inside a stream become one class with a closed list of codes, so
// that an application decides by `code` and shows `message`.
// Called by: every file of the library.
import type { ServiceError } from '@grpc/grpc-js';
import { GRPC_STATUS } from '../wire/grpc/status.ts';

/** The canonical RPC codes, in words. */
export type RingErrorCode = Exclude<keyof typeof GRPC_STATUS, 'ok'>;

/** A request that failed, or a connection that was lost for longer than the client tries. */
export class RingError extends Error {
  override readonly name = 'RingError';
  readonly code: RingErrorCode;

  constructor(code: RingErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}

/** The error of a call that ended with a status. A stream that the node ends without one is a lost connection too. */
export function errorOfStatus(error: Pick<ServiceError, 'code' | 'details'>): RingError {
  if (error.code === GRPC_STATUS.ok) return new RingError('unavailable', 'The node ended the stream');
  const found = Object.entries(GRPC_STATUS).find(([, number]) => number === error.code);
  const code = (found?.[0] ?? 'unknown') as RingErrorCode;
  return new RingError(code, error.details || `The node answered with status ${code}`, { cause: error });
}

/** Whether the same request may succeed on another connection, a moment later. */
export function isConnectionLoss(error: RingError): boolean {
  return error.code === 'unavailable' || error.code === 'internal' || error.code === 'cancelled';
}

/** What the application is told when a lost connection is not tried any more; other errors stay as they are. */
export function gaveUp(error: RingError, address: string): RingError {
  if (!isConnectionLoss(error)) return error;
  return new RingError('unavailable', `Lost the connection to ${address}: ${error.message}`, { cause: error });
}
