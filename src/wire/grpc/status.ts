// gRPC status codes, how our errors become one, and the percent-encoding of grpc-message.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses
import type { ErrorCode } from '../../base/errors.ts';

export const GRPC_STATUS = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  'invalid-argument': 3,
  'deadline-exceeded': 4,
  'not-found': 5,
  'already-exists': 6,
  'permission-denied': 7,
  'resource-exhausted': 8,
  'failed-precondition': 9,
  aborted: 10,
  'out-of-range': 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  'data-loss': 15,
  unauthenticated: 16,
} as const satisfies Record<ErrorCode | string, number>;

/** The status of an error code of ours: the one place where they are mapped. */
export function statusOf(code: ErrorCode): number {
  return GRPC_STATUS[code];
}

/** Longest grpc-message sent, characters before encoding: it travels in a header block that clients limit to 8 KiB. */
const STATUS_MESSAGE_CHARS_MAX = 1024;

/** Everything that must be encoded: all but printable ASCII, and the percent sign. */
const UNSAFE = /[^ -$&-~]/;

/** Encodes a status message for the grpc-message trailer. */
export function encodeStatusMessage(message: string): string {
  const text = message.length > STATUS_MESSAGE_CHARS_MAX ? `${message.slice(0, STATUS_MESSAGE_CHARS_MAX)}...` : message;
  if (!UNSAFE.test(text)) return text;
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
