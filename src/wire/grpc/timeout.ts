// The grpc-timeout header: at most 8 digits and a unit, from hours to nanoseconds. Pure; read once a call by
// request-head.ts, which refuses a call whose time-out it cannot read rather than serve it without one.
import { BrokerError } from '../../base/errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;

/** Milliseconds of a grpc-timeout header; Infinity when there is none. */
export function parseTimeoutMs(header: string | undefined): number {
  if (header === undefined) return Number.POSITIVE_INFINITY;
  const match = TIMEOUT.exec(header);
  if (match === null) {
    const received = JSON.stringify(header.slice(0, 32));
    throw new BrokerError(
      'invalid-argument',
      `Cannot read grpc-timeout: it must be 1 to 8 digits and one of H M S m u n: received ${received}`,
    );
  }
  return Number(match[1]) * UNIT_MS[match[2]];
}
