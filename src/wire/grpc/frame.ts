// The prefix before every gRPC message: | compressed flag (1) | length (4, big endian) | message.

export const FRAME_HEADER_BYTES = 5;

/** Flag values of the prefix; any other is a protocol error. */
export const FRAME_FLAG = { plain: 0, compressed: 1 } as const;

/** Writes a prefix at `position`. */
export function writeFrameHeader(bytes: Uint8Array, position: number, frame: { flag: number; length: number }): void {
  bytes[position] = frame.flag;
  bytes[position + 1] = frame.length >>> 24;
  bytes[position + 2] = frame.length >>> 16;
  bytes[position + 3] = frame.length >>> 8;
  bytes[position + 4] = frame.length;
}

/** Reads the length of the prefix at `position`, which is known to be whole. */
export function readFrameLength(bytes: Uint8Array, position: number): number {
  return (
    ((bytes[position + 1] << 24) | (bytes[position + 2] << 16) | (bytes[position + 3] << 8) | bytes[position + 4]) >>> 0
  );
}
