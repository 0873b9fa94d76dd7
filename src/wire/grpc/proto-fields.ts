// A protobuf message as a plain list of fields, for the few places that rewrite one: descriptors and reflection. Cold.
import { ProtoReader } from '../proto-reader.ts';

/** One field as it stands: for wire type 2 `bytes` is the content, else the encoded value. */
export interface Field {
  readonly number: number;
  readonly wire: number;
  readonly bytes: Buffer;
}

const LENGTH_DELIMITED = 2;

export function readFields(bytes: Buffer, what: string): Field[] {
  const reader = new ProtoReader();
  reader.reset(bytes, 0, bytes.length, what);
  const fields: Field[] = [];
  while (reader.at < reader.end) {
    const tag = reader.tag();
    const wire = tag & 7;
    const end = wire === LENGTH_DELIMITED ? reader.lengthEnd() : undefined;
    const start = reader.at;
    if (end === undefined) reader.skip(tag);
    else reader.at = end;
    fields.push({ number: tag >>> 3, wire, bytes: bytes.subarray(start, reader.at) });
  }
  return fields;
}

export function writeFields(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ number, wire, bytes }) => {
      const tag = encodeVarint((number << 3) | wire);
      return wire === LENGTH_DELIMITED ? [tag, encodeVarint(bytes.length), bytes] : [tag, bytes];
    }),
  );
}

/** A field of wire type 2: a message, bytes or a string. */
export function delimited(number: number, content: Uint8Array | string): Field {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : Buffer.from(content);
  return { number, wire: LENGTH_DELIMITED, bytes };
}

/** A field of wire type 0. */
export function varintField(number: number, value: number): Field {
  return { number, wire: 0, bytes: encodeVarint(value) };
}

/** The string of the first field of that number; '' when there is none. */
export function textOf(fields: readonly Field[], number: number): string {
  return fields.find((field) => field.number === number)?.bytes.toString('utf8') ?? '';
}

function encodeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
