// Writes envelopes into a ring or an overflow: the header's eight words (ring-layout.ts) and a payload behind them.
// Lives on: the producing thread. Called by: the mailbox.

/** Writes the header at the word index `at`. Positional: an object for each envelope would cost more than the rest. */
export function writeEnvelope(
  words: Int32Array,
  at: number,
  size: number,
  operation: number,
  target: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
): void {
  words[at] = size;
  words[at + 1] = operation;
  words[at + 2] = target;
  words[at + 3] = a;
  words[at + 4] = b;
  words[at + 5] = c;
  words[at + 6] = d;
  words[at + 7] = e;
}

/** Above this many words one native copy beats a loop. */
const LOOP_COPY_WORDS_MAX = 128;

/** Copies a payload; all in words. */
export function copyWords(target: Int32Array, to: number, source: Int32Array, from: number, count: number): void {
  if (count > LOOP_COPY_WORDS_MAX) {
    target.set(source.subarray(from, from + count), to);
    return;
  }
  for (let index = 0; index < count; index++) target[to + index] = source[from + index];
}
