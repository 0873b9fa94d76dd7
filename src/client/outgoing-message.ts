// A publish as it goes on the wire. Options that hsmq's Message has no field for travel as reserved headers, which the
// broker reads and other brokers ignore.
// Called by: ring-client.ts, qos0-stream.ts.
import { RingError } from './errors.ts';
import type { WireMessage } from './hsmq-stub.ts';
import type { PublishOptions } from './options.ts';

/**
 * Text is sent as UTF-8. The bytes are read before publish() returns to the event loop, and must not change until it
 * resolves.
 */
export type MessageData = Uint8Array | string;

const PRIORITY_MAX = 9;
const NO_HEADERS: Readonly<Record<string, string>> = {};

/** Throws `invalid-argument` for an option out of its range. */
export function wireMessage(topic: string, data: MessageData, options: PublishOptions): WireMessage {
  const value = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.length);
  return {
    topic,
    key: options.key ?? '',
    headers: headersOf(options),
    data: { type_url: options.typeUrl ?? '', value },
  };
}

function headersOf(options: PublishOptions): Readonly<Record<string, string>> {
  const { ttlMs, delayMs, priority, messageId } = options;
  if (ttlMs === undefined && delayMs === undefined && priority === undefined && messageId === undefined)
    return options.headers ?? NO_HEADERS;
  return {
    ...options.headers,
    ...(ttlMs === undefined ? {} : { 'ringmq-ttl-ms': whole('ttlMs', ttlMs, Number.MAX_SAFE_INTEGER) }),
    ...(delayMs === undefined ? {} : { 'ringmq-delay-ms': whole('delayMs', delayMs, Number.MAX_SAFE_INTEGER) }),
    ...(priority === undefined ? {} : { 'ringmq-priority': whole('priority', priority, PRIORITY_MAX) }),
    ...(messageId === undefined ? {} : { 'ringmq-message-id': messageId }),
  };
}

function whole(name: string, value: number, max: number): string {
  if (Number.isInteger(value) && value >= 0 && value <= max) return String(value);
  throw new RingError(
    'invalid-argument',
    `Cannot publish: received ${name} ${value}, expected a whole number from 0 to ${max}`,
  );
}
