// What the two ends of a new connection say before it is a link, and how what came in is narrowed to it.
//
//   dialer  -> hello      who I am, which link this is, my nonce
//   listener-> challenge  who I am, my nonce
//   dialer  -> proof      MAC over both, with the shared key
//   listener-> welcome    MAC over both, with the shared key: only now, so that who has no key gets nothing to guess on
//   either  -> refuse     code and reason; the connection ends
import { NAME_BYTES_MAX } from '../../src/base/limits.ts';
import type { ControlMessage } from './control-codec.ts';
import type { LinkKind } from './frame.ts';
import { LinkError } from './link-error.ts';

export const LINK_PROTOCOL = 1;
export const NONCE_BYTES = 32;
const MAC_BYTES = 32;
const REASON_CHARACTERS_MAX = 500;

export interface Hello {
  readonly kind: 'hello';
  readonly cluster: string;
  readonly protocol: number;
  readonly nodeId: string;
  /** Start number of the process, the same for as long as it runs. */
  readonly incarnation: number;
  readonly link: LinkKind;
  /** Whether a shared key is set. */
  readonly sealed: boolean;
  readonly nonce: Buffer;
}

export interface Challenge {
  readonly kind: 'challenge';
  readonly protocol: number;
  readonly nodeId: string;
  readonly incarnation: number;
  readonly nonce: Buffer;
}

export interface Proof {
  readonly kind: 'proof' | 'welcome';
  /** Empty without a shared key. */
  readonly mac: Buffer;
}

export interface Refuse {
  readonly kind: 'refuse';
  readonly code: string;
  readonly reason: string;
}

export type HandshakeMessage = Hello | Challenge | Proof | Refuse;

function wrong(field: string, right: string): LinkError {
  return new LinkError('bad-hello', `Cannot open a link: "${field}" must be ${right}`);
}

function text(message: ControlMessage, field: string): string {
  const value = message[field];
  const good = typeof value === 'string' && value.length > 0 && Buffer.byteLength(value) <= NAME_BYTES_MAX;
  if (!good) throw wrong(field, `text of 1 to ${NAME_BYTES_MAX} bytes`);
  return value;
}

function count(message: ControlMessage, field: string): number {
  const value = message[field];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(field, 'a whole number');
  return value;
}

function bytes(message: ControlMessage, field: string, sizes: readonly number[]): Buffer {
  const value = message[field];
  if (!(value instanceof Uint8Array) || !sizes.includes(value.length))
    throw wrong(field, `${sizes.join(' or ')} bytes`);
  return Buffer.from(value.buffer, value.byteOffset, value.length);
}

function linkKind(message: ControlMessage): LinkKind {
  const { link } = message;
  if (link === 'control' || link === 'bulk') return link;
  throw wrong('link', '"control" or "bulk"');
}

/** The message in a decoded frame; throws LinkError for anything else. */
export function readHandshake(message: ControlMessage): HandshakeMessage {
  switch (message.kind) {
    case 'hello':
      return {
        kind: 'hello',
        cluster: text(message, 'cluster'),
        protocol: count(message, 'protocol'),
        nodeId: text(message, 'nodeId'),
        incarnation: count(message, 'incarnation'),
        link: linkKind(message),
        sealed: message.sealed === true,
        nonce: bytes(message, 'nonce', [NONCE_BYTES]),
      };
    case 'challenge':
      return {
        kind: 'challenge',
        protocol: count(message, 'protocol'),
        nodeId: text(message, 'nodeId'),
        incarnation: count(message, 'incarnation'),
        nonce: bytes(message, 'nonce', [NONCE_BYTES]),
      };
    case 'proof':
    case 'welcome':
      return { kind: message.kind, mac: bytes(message, 'mac', [0, MAC_BYTES]) };
    case 'refuse':
      return {
        kind: 'refuse',
        code: text(message, 'code'),
        reason: String(message.reason).slice(0, REASON_CHARACTERS_MAX),
      };
    default:
      throw wrong('kind', 'a step of the handshake');
  }
}
