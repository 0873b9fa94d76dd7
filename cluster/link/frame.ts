// One frame of a link between nodes, and where its parts lie.
//
//   byte 0  u32  length   bytes of body and tag
//        4  u8   type     FrameType
//        5  body
//           tag           16 bytes, when the link has a shared key (seal.ts)
//
// All little-endian, as records are. Fixed bodies: ping and pong one double (the sender's clock), ack and resume two
// (received number, credit limit), open two (stream, first number that may come). Handshake and control bodies are
// msgpack (control-codec.ts), a batch is raw (batch.ts).
import { LINK_LIMITS } from '../limits.ts';
import { LinkError } from './link-error.ts';

export const FRAME_HEAD_BYTES = 5;
export const TAG_BYTES = 16;

export const FrameType = { handshake: 1, control: 2, batch: 3, ack: 4, open: 5, resume: 6, ping: 7, pong: 8 } as const;

/** Gossip, routes and hand-off talk on one link, records on the other: neither waits behind the other. */
export type LinkKind = 'control' | 'bulk';

const PING_BYTES = 8;
const PAIR_BYTES = 16;

/** Smallest and largest body of each type on each link; a type that is not there is refused. */
const BODY_BYTES: Readonly<Record<LinkKind, ReadonlyMap<number, readonly [number, number]>>> = {
  control: new Map([
    [FrameType.control, [1, LINK_LIMITS.controlBytesMax]],
    [FrameType.ping, [PING_BYTES, PING_BYTES]],
    [FrameType.pong, [PING_BYTES, PING_BYTES]],
  ]),
  bulk: new Map([
    [FrameType.batch, [LINK_LIMITS.batchBytesMin, LINK_LIMITS.batchBytesMax]],
    [FrameType.ack, [PAIR_BYTES, PAIR_BYTES]],
    [FrameType.open, [PAIR_BYTES, PAIR_BYTES]],
    [FrameType.resume, [PAIR_BYTES, PAIR_BYTES]],
    [FrameType.ping, [PING_BYTES, PING_BYTES]],
    [FrameType.pong, [PING_BYTES, PING_BYTES]],
  ]),
};

const HANDSHAKE_BODY_BYTES: readonly [number, number] = [1, LINK_LIMITS.handshakeBytesMax];

/** Refuses a frame by its head alone, before anything is allocated for it. `link` undefined = in the handshake. */
export function checkHead(link: LinkKind | undefined, type: number, bodyBytes: number): void {
  const range = link === undefined ? handshakeRange(type) : BODY_BYTES[link].get(type);
  if (range === undefined) {
    throw new LinkError('bad-frame', `Cannot read a frame of the ${link ?? 'opening'} link: received type ${type}`);
  }
  const [min, max] = range;
  if (bodyBytes >= min && bodyBytes <= max) return;
  throw new LinkError(
    'bad-frame',
    `Cannot read a frame of type ${type}: received ${bodyBytes} bytes, it has ${min} to ${max}`,
  );
}

function handshakeRange(type: number): readonly [number, number] | undefined {
  return type === FrameType.handshake ? HANDSHAKE_BODY_BYTES : undefined;
}

/** A frame with its head and room for a tag, its body still to be written at FRAME_HEAD_BYTES. */
export function allocateFrame(type: number, bodyBytes: number, tagBytes: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + bodyBytes + tagBytes);
  frame.writeUInt32LE(bodyBytes + tagBytes, 0);
  frame[4] = type;
  return frame;
}

/** A frame whose body is one or two doubles. */
export function doublesFrame(type: number, values: readonly number[], tagBytes: number): Buffer {
  const frame = allocateFrame(type, values.length * 8, tagBytes);
  let at = FRAME_HEAD_BYTES;
  for (const value of values) at = frame.writeDoubleLE(value, at);
  return frame;
}
