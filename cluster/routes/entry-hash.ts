// Hash of an entry of a route log: 64 bits in two lanes, the same on every node. It guards against faults, not against
// forgery: a peer that may write routes needs no collision to write wrong ones.
// One object is filled again and again: a million entries are hashed where tables are compared.
import type { RouteValue } from './route-value.ts';

const PRIME_A = 0x01000193;
const PRIME_B = 0x5bd1e995;

const double = new Float64Array(1);
const doubleWords = new Uint32Array(double.buffer);

export class EntryHash {
  a = 0;
  b = 0;

  /** Bucket of the key, of 256. Leaves the hash of the key in `a` and `b`, for value() to go on. */
  key(key: string): number {
    this.a = 0x811c9dc5 | 0;
    this.b = 0x2f0b4c47 | 0;
    this.#text(key);
    return (finish(this.a) >>> 16) & 255;
  }

  /** After key(): adds the value and ends the hash. */
  value(value: RouteValue): void {
    this.#value(value);
    const a = finish(this.a ^ (this.b >>> 7));
    this.b = finish(this.b ^ Math.imul(a, PRIME_A));
    this.a = a;
  }

  #value(value: RouteValue): void {
    if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'string') this.#tagged(1, value);
    else if (typeof value === 'boolean') this.#word(value ? 3 : 2);
    else if (value instanceof Uint8Array) this.#bytes(value);
    else {
      this.#word(5);
      this.#word(value.length);
      for (const item of value) this.#value(item);
    }
  }

  #number(value: number): void {
    if (value === (value | 0)) {
      this.#word(6);
      // Plus zero: minus zero is the same number, and msgpack does not keep it apart.
      this.#word(value | 0);
      return;
    }
    double[0] = value;
    this.#word(7);
    this.#word(doubleWords[0]);
    this.#word(doubleWords[1]);
  }

  #tagged(tag: number, text: string): void {
    this.#word(tag);
    this.#word(text.length);
    this.#text(text);
  }

  #bytes(bytes: Uint8Array): void {
    this.#word(4);
    this.#word(bytes.length);
    let at = 0;
    for (; at + 4 <= bytes.length; at += 4) {
      this.#word(bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24));
    }
    for (; at < bytes.length; at++) this.#word(bytes[at]);
  }

  #text(text: string): void {
    let a = this.a;
    let b = this.b;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      a = Math.imul(a ^ code, PRIME_A);
      b = Math.imul((b ^ code) + ((b << 5) | (b >>> 27)), PRIME_B);
    }
    this.a = a;
    this.b = b;
  }

  #word(word: number): void {
    this.a = Math.imul(this.a ^ word, PRIME_A) ^ (this.a >>> 15);
    this.b = Math.imul((this.b ^ word) + ((this.b << 5) | (this.b >>> 27)), PRIME_B);
  }
}

/** Spreads every bit of the input over the output (the last step of Murmur 3). */
export function finish(input: number): number {
  let hash = input ^ (input >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
