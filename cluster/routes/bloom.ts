// A Bloom filter of 2 MiB in 32,768 blocks of 64 bytes: all seven bits of a key lie in one block. So a key that comes
// or goes changes one entry of the route log, and a lookup touches one line of memory. The origin counts keys per bit,
// so keys can go again without building anything anew; peers have only the bits.
// False answers are "yes" alone: some publishes go to a node that wants them not, which counts and drops them.
import { assert } from '../../src/base/assert.ts';
import { finish } from './entry-hash.ts';

export const BLOOM_BLOCKS = 32_768;
export const BLOOM_BLOCK_BYTES = 64;
const BITS_PER_KEY = 7;
const BLOCK_BITS = BLOOM_BLOCK_BYTES * 8;
const BLOCK_WORDS = BLOOM_BLOCK_BYTES / 4;

/** Where a key has its bits; one object is filled again and again. */
export class BloomProbe {
  block = 0;
  readonly bits = new Uint16Array(BITS_PER_KEY);

  set(key: string): void {
    let a = 0x811c9dc5 | 0;
    let b = 0x3c6ef372 | 0;
    for (let at = 0; at < key.length; at++) {
      const code = key.charCodeAt(at);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul((b ^ code) + ((b << 5) | (b >>> 27)), 0x5bd1e995);
    }
    this.block = finish(a) >>> 17;
    // Three bits of nine places from each mixed word, so no two keys share a pattern as with sums of two hashes.
    let word = b ^ (a << 1);
    for (let index = 0; index < BITS_PER_KEY; index++) {
      if (index % 3 === 0) word = finish(word + index + 1);
      this.bits[index] = (word >>> ((index % 3) * 9)) & (BLOCK_BITS - 1);
    }
  }
}

/** What peers keep of an origin's summary. */
export class BloomBits {
  readonly #words = new Uint32Array(BLOOM_BLOCKS * BLOCK_WORDS);
  /** Blocks that have a bit. */
  blocks = 0;

  /** Replaces a block; with undefined, empties it. */
  setBlock(block: number, bytes: Uint8Array | undefined): void {
    let before = 0;
    let after = 0;
    for (let index = 0; index < BLOCK_WORDS; index++) {
      const at = block * BLOCK_WORDS + index;
      const byte = index * 4;
      before |= this.#words[at];
      const word =
        bytes === undefined
          ? 0
          : bytes[byte] | (bytes[byte + 1] << 8) | (bytes[byte + 2] << 16) | (bytes[byte + 3] << 24);
      after |= word;
      this.#words[at] = word;
    }
    this.blocks += (after === 0 ? 0 : 1) - (before === 0 ? 0 : 1);
  }

  has(probe: BloomProbe): boolean {
    const base = probe.block * BLOCK_WORDS;
    for (const bit of probe.bits) {
      if ((this.#words[base + (bit >>> 5)] & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

/** What an origin keeps: how many keys have each bit. A count that is full stays so, and its bit with it. */
export class BloomCounts {
  readonly #counts = new Uint8Array(BLOOM_BLOCKS * BLOCK_BITS);
  readonly #bits = new Uint8Array(BLOOM_BLOCKS * BLOOM_BLOCK_BYTES);
  readonly #probe = new BloomProbe();

  /** Adds a key; returns the block when it changed. */
  add(key: string): number | undefined {
    return this.#change(key, 1);
  }

  /** Takes back a key that was added. */
  remove(key: string): number | undefined {
    return this.#change(key, -1);
  }

  /** The bits of a block, or undefined when it has none. */
  block(block: number): Uint8Array | undefined {
    const bytes = this.#bits.slice(block * BLOOM_BLOCK_BYTES, (block + 1) * BLOOM_BLOCK_BYTES);
    return bytes.some((byte) => byte !== 0) ? bytes : undefined;
  }

  #change(key: string, by: 1 | -1): number | undefined {
    this.#probe.set(key);
    const base = this.#probe.block * BLOCK_BITS;
    let changed = false;
    for (const bit of this.#probe.bits) {
      const count = this.#counts[base + bit];
      if (count === 255) continue;
      assert(count + by >= 0, 'a key is taken from a summary that has it');
      this.#counts[base + bit] = count + by;
      if (count + by !== (by === 1 ? 1 : 0)) continue;
      this.#bits[(base + bit) >>> 3] ^= 1 << (bit & 7);
      changed = true;
    }
    return changed ? this.#probe.block : undefined;
  }
}
