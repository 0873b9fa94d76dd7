// Compresses the larger of the framed messages in a gathered output. Runs once a flush, and only for a call whose
// client accepts gzip while the option is on; nobody else pays for it.
import { FRAME_FLAG, FRAME_HEADER_BYTES, readFrameLength, writeFrameHeader } from './frame.ts';
import { gzip } from './gzip.ts';

/** The frames of `bytes`, which are whole; messages of at least `thresholdBytes` are compressed if that helps. */
export function compressFrames(bytes: Buffer, thresholdBytes: number): Buffer {
  const parts: Buffer[] = [];
  let plainFrom = 0;
  let position = 0;
  while (position < bytes.length) {
    const start = position + FRAME_HEADER_BYTES;
    const end = start + readFrameLength(bytes, position);
    if (end - start >= thresholdBytes) {
      const packed = gzip(bytes.subarray(start, end));
      if (packed.length < end - start) {
        const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
        writeFrameHeader(header, 0, { flag: FRAME_FLAG.compressed, length: packed.length });
        parts.push(bytes.subarray(plainFrom, position), header, packed);
        plainFrom = end;
      }
    }
    position = end;
  }
  if (parts.length === 0) return bytes;
  parts.push(bytes.subarray(plainFrom));
  return Buffer.concat(parts);
}
