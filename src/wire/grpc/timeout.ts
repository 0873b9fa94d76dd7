// The grpc-timeout header: at most 8 digits and a unit.
import { BrokerError } from '../../base/errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;

/** Milliseconds of a grpc-timeout header; Infinity when there is none. */
export function parseTimeoutMs(header: string | undefined): number {
  if (header === undefined) return Number.POSITIVE_INFINITY;
  const match = TIMEOUT.exec(header);
  if (match === null) {
    throw new BrokerError(
      'invalid-argument',
      `Cannot read grpc-timeout: it must be 1 to 8 digits and one of H M S m u n: received ${JSON.stringify(header.slice(0, 32))}`,
    );
  }
  return Number(match[1]) * UNIT_MS[match[2]];
}
