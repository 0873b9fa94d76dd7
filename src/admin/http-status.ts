// How an error of the broker is told in HTTP: the one place where its codes become a status. The pairs that
// google.rpc.Code documents, but for failed-precondition.
import type { ErrorCode } from '../base/errors.ts';

export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  cancelled: 499,
  'invalid-argument': 400,
  'deadline-exceeded': 504,
  'not-found': 404,
  'already-exists': 409,
  'permission-denied': 403,
  'resource-exhausted': 429,
  // Not 412, which speaks of If-Match: the state of the queue is in conflict with what was asked.
  'failed-precondition': 409,
  'out-of-range': 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  unauthenticated: 401,
};
