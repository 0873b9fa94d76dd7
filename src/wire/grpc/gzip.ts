// The one message encoding besides identity. Synchronous: a message is at most a few MiB, and handing it to another
// thread would reorder it. Output is limited, so that a small bomb cannot grow beyond one message.
import { gunzipSync, gzipSync } from 'node:zlib';
import { BrokerError } from '../../base/errors.ts';

/** Level 1: compression is for the network's sake, and the loop is shared by every connection of the shard. */
const GZIP_OPTIONS = { level: 1 } as const;

/** Decompresses one message of at most `bytesMax` bytes. */
export function gunzip(bytes: Uint8Array, bytesMax: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: bytesMax });
  } catch (thrown) {
    if ((thrown as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new BrokerError(
        'resource-exhausted',
        `Cannot decompress message: it may have at most ${bytesMax} bytes: received more`,
      );
    }
    throw new BrokerError('internal', 'Cannot decompress message: received bytes that are not gzip', { cause: thrown });
  }
}

/** Compresses one message. */
export function gzip(bytes: Uint8Array): Buffer {
  return gzipSync(bytes, GZIP_OPTIONS);
}
