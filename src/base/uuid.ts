// A message id is a UUID: 16 bytes in a record, four 32-bit words in memory (little-endian, as the bytes lie),
// 36 characters on the wire. All three ways here, by table and without allocation.

const HEX = '0123456789abcdef';
const BYTE_TO_HEX_HIGH = new Uint8Array(256);
const BYTE_TO_HEX_LOW = new Uint8Array(256);
/** Value of a hex digit by its character code; 255 = not one. */
const HEX_VALUE = new Uint8Array(256).fill(255);
for (let byte = 0; byte < 256; byte++) {
  BYTE_TO_HEX_HIGH[byte] = HEX.charCodeAt(byte >> 4);
  BYTE_TO_HEX_LOW[byte] = HEX.charCodeAt(byte & 15);
}
for (let digit = 0; digit < 16; digit++) {
  HEX_VALUE[HEX.charCodeAt(digit)] = digit;
  HEX_VALUE[HEX.toUpperCase().charCodeAt(digit)] = digit;
}

/** Characters of a UUID in text. */
export const UUID_TEXT_BYTES = 36;
const DASH = 0x2d;

/** Writes two bytes of `word` (from bit `shift`) as four hex digits. */
function writePair(target: Uint8Array, at: number, pair: number): void {
  const first = pair & 0xff;
  const second = (pair >>> 8) & 0xff;
  target[at] = BYTE_TO_HEX_HIGH[first];
  target[at + 1] = BYTE_TO_HEX_LOW[first];
  target[at + 2] = BYTE_TO_HEX_HIGH[second];
  target[at + 3] = BYTE_TO_HEX_LOW[second];
}

/** Writes the UUID of four words at `words[from]` as text at `target[at]`. */
export function writeUuid(target: Uint8Array, at: number, words: Int32Array, from: number): void {
  const word0 = words[from];
  const word1 = words[from + 1];
  const word2 = words[from + 2];
  const word3 = words[from + 3];
  writePair(target, at, word0);
  writePair(target, at + 4, word0 >>> 16);
  target[at + 8] = DASH;
  writePair(target, at + 9, word1);
  target[at + 13] = DASH;
  writePair(target, at + 14, word1 >>> 16);
  target[at + 18] = DASH;
  writePair(target, at + 19, word2);
  target[at + 23] = DASH;
  writePair(target, at + 24, word2 >>> 16);
  writePair(target, at + 28, word3);
  writePair(target, at + 32, word3 >>> 16);
}

/** Four hex digits as two bytes in memory order; negative when one is no digit. */
function readPair(source: Uint8Array, at: number): number {
  const high0 = HEX_VALUE[source[at]];
  const low0 = HEX_VALUE[source[at + 1]];
  const high1 = HEX_VALUE[source[at + 2]];
  const low1 = HEX_VALUE[source[at + 3]];
  if ((high0 | low0 | high1 | low1) > 15) return -1;
  return (high0 << 4) | low0 | (((high1 << 4) | low1) << 8);
}

/** Reads the UUID text at `source[at, end)` into four words at `words[to]`; false when it is not a UUID. */
export function readUuid(source: Uint8Array, at: number, end: number, words: Int32Array, to = 0): boolean {
  if (end - at !== UUID_TEXT_BYTES) return false;
  if ((source[at + 8] ^ DASH) | (source[at + 13] ^ DASH) | (source[at + 18] ^ DASH) | (source[at + 23] ^ DASH))
    return false;
  const p0 = readPair(source, at);
  const p1 = readPair(source, at + 4);
  const p2 = readPair(source, at + 9);
  const p3 = readPair(source, at + 14);
  const p4 = readPair(source, at + 19);
  const p5 = readPair(source, at + 24);
  const p6 = readPair(source, at + 28);
  const p7 = readPair(source, at + 32);
  if ((p0 | p1 | p2 | p3 | p4 | p5 | p6 | p7) < 0) return false;
  words[to] = p0 | (p1 << 16);
  words[to + 1] = p2 | (p3 << 16);
  words[to + 2] = p4 | (p5 << 16);
  words[to + 3] = p6 | (p7 << 16);
  return true;
}

/** Text of the UUID of four words: for logs and admin, not for hot paths. */
export function uuidText(words: Int32Array, from: number): string {
  const text = Buffer.allocUnsafe(UUID_TEXT_BYTES);
  writeUuid(text, 0, words, from);
  return text.toString('latin1', 0, UUID_TEXT_BYTES);
}

/**
 * Makes time-ordered UUIDs (version 7, RFC 9562): 48 bits of ms, a 26-bit counter within the ms, 48 random bits.
 * Ids of one source strictly grow, also when the clock steps back. Pure: randomness and time come from the caller.
 */
export class UuidSource {
  readonly #random0: number;
  #random1: number;
  #lastMs = 0;
  #counter = 0;

  /** `seed` are two random 32-bit words, different for every source that may ever run. */
  constructor(seed: Int32Array | Uint32Array) {
    this.#random0 = seed[0] & 0xffff;
    this.#random1 = seed[1] | 0;
  }

  /** Writes the next id as four words at `words[to]`. */
  next(nowMs: number, words: Int32Array, to: number): void {
    if (nowMs > this.#lastMs) {
      this.#lastMs = nowMs;
      this.#counter = 0;
    } else if (++this.#counter === 1 << 26) {
      this.#lastMs++;
      this.#counter = 0;
    }
    // A Weyl step: odd increment, so all 2^32 values are visited before one comes again.
    this.#random1 = (this.#random1 + 0x9e3779b9) | 0;
    const ms = this.#lastMs;
    const msHigh = Math.floor(ms / 0x10000) >>> 0;
    const msLow = ms & 0xffff;
    const counter = this.#counter;
    words[to] = byteSwap(msHigh);
    words[to + 1] = byteSwap((msLow << 16) | 0x7000 | (counter >>> 14));
    words[to + 2] = byteSwap(((0x8000 | (counter & 0x3fff)) << 16) | this.#random0 | 0);
    words[to + 3] = this.#random1;
  }
}

/** Big-endian value as the little-endian word that has the same bytes. */
function byteSwap(value: number): number {
  return ((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}
