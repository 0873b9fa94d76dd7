// Control messages: plain objects as msgpack. What comes in is scanned first (msgpack-scan.ts), so that decoding it
// costs no more than its own bytes. The only file of the links that knows msgpackr.
import { Packr } from 'msgpackr';
import { LINK_LIMITS } from '../limits.ts';
import { LinkError } from './link-error.ts';
import { scanMsgpack } from './msgpack-scan.ts';

/** A decoded message: a plain object whose fields its reader has to narrow. */
export type ControlMessage = Readonly<Record<string, unknown>>;

const packr = new Packr({
  // Records would define types inside of frames; plain maps can be scanned, and read by any msgpack.
  useRecords: false,
  encodeUndefinedAsNil: true,
  int64AsType: 'number',
  // Bytes that are kept must not pin the chunk they came in.
  copyBuffers: true,
});

/** The msgpack of a message; throws when it is larger than a peer would take. */
export function packControl(message: object): Buffer {
  const bytes = packr.pack(message);
  if (bytes.length <= LINK_LIMITS.controlBytesMax) return bytes;
  throw new RangeError(
    `Cannot send a control message of ${bytes.length} bytes: a frame holds ${LINK_LIMITS.controlBytesMax}, split it`,
  );
}

/** The message in `bytes`; throws LinkError for anything else. */
export function unpackControl(bytes: Buffer): ControlMessage {
  scanMsgpack(bytes);
  const value = decoded(bytes);
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)) {
    return value as ControlMessage;
  }
  throw new LinkError('bad-frame', 'Cannot read a control message: it is no map');
}

function decoded(bytes: Buffer): unknown {
  try {
    return packr.unpack(bytes);
  } catch (error) {
    throw new LinkError(
      'bad-frame',
      `Cannot read a control message: ${error instanceof Error ? error.message : error}`,
    );
  }
}
