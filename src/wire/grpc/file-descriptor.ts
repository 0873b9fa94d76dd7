// Reads from an encoded FileDescriptorProto what reflection needs: its name, what it imports, the symbols it defines.
// Field numbers are those of google/protobuf/descriptor.proto.
import { ProtoReader } from '../proto-reader.ts';

/** One .proto file as reflection serves it. */
export interface FileDescriptor {
  readonly name: string;
  readonly bytes: Buffer;
  readonly dependencies: readonly string[];
  /** Full names of services, methods, messages and enums. */
  readonly symbols: readonly string[];
  readonly services: readonly string[];
}

const LENGTH_DELIMITED = 2;

const FILE = { name: 1, package: 2, dependency: 3, message: 4, enum: 5, service: 6 } as const;
const MESSAGE = { name: 1, nested: 3, enum: 4 } as const;
const SERVICE = { name: 1, method: 2 } as const;
const NAME = 1;

/** A length-delimited field: its number and where its bytes lie. */
interface Field {
  readonly number: number;
  readonly bytes: Buffer;
}

export function readFileDescriptor(bytes: Buffer): FileDescriptor {
  const fields = fieldsOf(bytes);
  const packageName = textOf(fields, FILE.package);
  const prefix = packageName === '' ? '' : `${packageName}.`;
  const services = all(fields, FILE.service);
  return {
    name: textOf(fields, FILE.name),
    bytes,
    dependencies: all(fields, FILE.dependency).map((field) => field.bytes.toString('utf8')),
    services: services.map((field) => prefix + textOf(fieldsOf(field.bytes), SERVICE.name)),
    symbols: [
      ...all(fields, FILE.message).flatMap((field) => messageSymbols(field.bytes, prefix)),
      ...all(fields, FILE.enum).map((field) => prefix + textOf(fieldsOf(field.bytes), NAME)),
      ...services.flatMap((field) => serviceSymbols(field.bytes, prefix)),
    ],
  };
}

function messageSymbols(bytes: Buffer, prefix: string): string[] {
  const fields = fieldsOf(bytes);
  const name = prefix + textOf(fields, MESSAGE.name);
  const nested = all(fields, MESSAGE.nested).flatMap((field) => messageSymbols(field.bytes, `${name}.`));
  const enums = all(fields, MESSAGE.enum).map((field) => `${name}.${textOf(fieldsOf(field.bytes), NAME)}`);
  return [name, ...nested, ...enums];
}

function serviceSymbols(bytes: Buffer, prefix: string): string[] {
  const fields = fieldsOf(bytes);
  const name = prefix + textOf(fields, SERVICE.name);
  return [name, ...all(fields, SERVICE.method).map((field) => `${name}.${textOf(fieldsOf(field.bytes), NAME)}`)];
}

function fieldsOf(bytes: Buffer): Field[] {
  const reader = new ProtoReader();
  reader.reset(bytes, 0, bytes.length, 'FileDescriptorProto');
  const fields: Field[] = [];
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if ((tag & 7) === LENGTH_DELIMITED) {
      const end = reader.lengthEnd();
      fields.push({ number: tag >>> 3, bytes: bytes.subarray(reader.at, end) });
      reader.at = end;
    } else {
      reader.skip(tag);
    }
  }
  return fields;
}

function all(fields: readonly Field[], number: number): Field[] {
  return fields.filter((field) => field.number === number);
}

function textOf(fields: readonly Field[], number: number): string {
  return fields.find((field) => field.number === number)?.bytes.toString('utf8') ?? '';
}
