// Whether bytes are UTF-8, as strict decoders of consumers ask it: no overlong form, no surrogate, nothing beyond
// U+10FFFF. By hand, because the runtime's own check would need a view for each string of each message.
// Pure. Called by: ProtoReader.

/** Whether `bytes[start, end)` is UTF-8. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    if (bytes[at] < 0x80) {
      at++;
      continue;
    }
    const size = sequenceSize(bytes, at, end);
    if (size === 0) return false;
    at += size;
  }
  return true;
}

/** Bytes of the sequence at `at`, whose first is over 0x7f; 0 when it is not well-formed (Unicode, table 3-7). */
function sequenceSize(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at];
  const size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (size === 0 || at + size > end) return 0;
  // Only the second byte has a narrower range, behind four of the first bytes.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (bytes[at + 1] < low || bytes[at + 1] > high) return 0;
  for (let next = at + 2; next < at + size; next++) if ((bytes[next] & 0xc0) !== 0x80) return 0;
  return size;
}
