// Copies a few bytes from one buffer to another, as the codecs do for every part of every message.

/** Up to this many bytes a loop is faster; beyond it the call into native code pays (80 B: 33 ns against 72). */
const LOOP_BYTES_MAX = 32;

/**
 * Copies `source[start, end)` to `target[position...]` and returns the position behind it. Hot: positional on purpose.
 */
export function copyBytes(target: Buffer, position: number, source: Buffer, start: number, end: number): number {
  const after = position + end - start;
  if (end - start > LOOP_BYTES_MAX) source.copy(target, position, start, end);
  else for (let from = start, to = position; to < after; ) target[to++] = source[from++];
  return after;
}
