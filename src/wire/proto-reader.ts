// A cursor over protobuf bytes that allocates nothing: the hot decoders keep one and point it at each message.
// It reads in place and never past `end`; whatever does not parse throws one BrokerError that names the place. It is as
// strict as the strictest decoders in use (C++, Go): what they refuse would be poison for a consumer that uses them.
// Lives on: a shard (one per session). Called by: wire/hsmq/*.
import { BrokerError } from '../base/errors.ts';
import { isUtf8 } from './utf8.ts';

/** Wire types of protobuf; the two group types (3, 4) are refused, as proto3 does not have them. */
const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const NO_BYTES = Buffer.alloc(0);

export class ProtoReader {
  bytes: Buffer = NO_BYTES;
  at = 0;
  end = 0;
  /** Name of the message being read, for errors. */
  #what = '';

  /** Points the cursor at `bytes[start, end)`; the memory stays the caller's. */
  reset(bytes: Buffer, start: number, end: number, what: string): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.#what = what;
  }

  /** Reads a tag: field number << 3 | wire type. Refuses what is no field number, 0 and more than 29 bits. */
  tag(): number {
    const first = this.at < this.end ? this.bytes[this.at] : 0;
    if (first >= 8 && first < 0x80) {
      this.at++;
      return first;
    }
    const tag = this.#shortVarint('a tag');
    if (tag < 8) throw this.malformed('a field number is 0');
    return tag;
  }

  /** Reads a varint as an unsigned 32-bit number; higher bits are dropped, as protobuf does for int32 and uint32. */
  varint(): number {
    if (this.at < this.end) {
      const first = this.bytes[this.at];
      if (first < 0x80) {
        this.at++;
        return first;
      }
    }
    return this.#longVarint();
  }

  #longVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.end) throw this.malformed('a varint runs past the end');
      const byte = this.bytes[this.at++];
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      // Of the tenth byte only one bit is left of 64.
      if (shift === 63 && byte > 1) throw this.malformed('a varint has more than 64 bits');
      return value >>> 0;
    }
    throw this.malformed('a varint is longer than 10 bytes');
  }

  /** Reads a varint that must fit 32 bits in 5 bytes: a tag or a length. */
  #shortVarint(what: string): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.at >= this.end) throw this.malformed('a varint runs past the end');
      const byte = this.bytes[this.at++];
      value |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if (shift === 28 && byte > 0x0f) break;
      return value >>> 0;
    }
    throw this.malformed(`${what} has more than 32 bits`);
  }

  /** Reads a length prefix and checks that so many bytes are there; returns the offset behind them. */
  lengthEnd(): number {
    const size = this.#shortVarint('a length');
    const end = this.at + size;
    if (end > this.end) throw this.malformed(`a field of ${size} bytes runs past the end`);
    return end;
  }

  /** Skips the value of a field of the given tag. */
  skip(tag: number): void {
    switch (tag & 7) {
      case WireType.varint:
        this.#longVarint();
        return;
      case WireType.fixed64:
        this.#advance(8);
        return;
      case WireType.bytes:
        this.at = this.lengthEnd();
        return;
      case WireType.fixed32:
        this.#advance(4);
        return;
      default:
        throw this.malformed(`wire type ${tag & 7} is not used by proto3`);
    }
  }

  /**
   * Skips a field that is not known, in a message whose known fields are 1 to `knownMax`. One of those with another
   * wire type is refused: decoders disagree whether it is unknown or malformed, and some read it by its number alone.
   */
  skipUnknown(tag: number, knownMax: number): void {
    if (tag >>> 3 <= knownMax) throw this.malformed(`field ${tag >>> 3} has wire type ${tag & 7}`);
    this.skip(tag);
  }

  /** Reads a 32-bit float. */
  float(): number {
    this.#advance(4);
    return this.bytes.readFloatLE(this.at - 4);
  }

  /** Reads a string field; throws when it is not UTF-8. Allocates: not for hot fields. */
  string(): string {
    const end = this.lengthEnd();
    this.checkUtf8(this.at, end);
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end;
    return text;
  }

  /** Throws unless `bytes[start, end)` is UTF-8: what we pass on must not break a consumer's strict decoder. */
  checkUtf8(start: number, end: number): void {
    if (!isUtf8(this.bytes, start, end)) throw this.malformed('a string is not UTF-8');
  }

  /** The error for bytes that are not what their message says. */
  malformed(why: string): BrokerError {
    return new BrokerError('invalid-argument', `Cannot decode ${this.#what}: ${why} at byte ${this.at}`);
  }

  #advance(bytes: number): void {
    if (this.at + bytes > this.end) throw this.malformed(`a fixed field of ${bytes} bytes runs past the end`);
    this.at += bytes;
  }
}
