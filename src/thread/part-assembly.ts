// Puts a record together that came over a ring in parts. Parts of one record follow each other without another record's
// in between, so one assembly a ring is enough.
// Lives on: the consuming thread, one for each peer.
import { assert } from '../base/assert.ts';
import type { SharedBytes } from './ring.ts';

export class PartAssembly {
  readonly #bytesMax: number;
  #record: SharedBytes | undefined;
  #filledWords = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Adds a part; returns the record, at offset 0, when this was the last one. */
  add(part: Int32Array, isLast: boolean): SharedBytes | undefined {
    const record = this.#record ?? this.#begin(part[0]);
    record.words.set(part, this.#filledWords);
    this.#filledWords += part.length;
    if (!isLast) return undefined;
    assert(this.#filledWords * 4 === record.words[0], 'the parts of a record add up to its size');
    this.#record = undefined;
    this.#filledWords = 0;
    return record;
  }

  #begin(size: number): SharedBytes {
    assert(size > 0 && size <= this.#bytesMax && (size & 7) === 0, 'a record in parts is within the limit');
    const buffer = new ArrayBuffer(size);
    this.#record = { bytes: Buffer.from(buffer), words: new Int32Array(buffer), doubles: new Float64Array(buffer) };
    return this.#record;
  }
}
