// Reads from an encoded FileDescriptorProto what reflection needs: its name, what it imports, the symbols it defines.
// Field numbers are those of google/protobuf/descriptor.proto.
import { type Field, readFields, textOf } from './proto-fields.ts';

/** One .proto file as reflection serves it. */
export interface FileDescriptor {
  readonly name: string;
  readonly bytes: Buffer;
  readonly dependencies: readonly string[];
  /** Full names of services, methods, messages and enums. */
  readonly symbols: readonly string[];
}

export const FILE = { name: 1, package: 2, dependency: 3, message: 4, enum: 5, service: 6 } as const;
export const MESSAGE = { name: 1, field: 2, nested: 3, enum: 4, options: 7 } as const;
const SERVICE = { name: 1, method: 2 } as const;
const NAME = 1;

export function readFileDescriptor(bytes: Buffer): FileDescriptor {
  const fields = readDescriptor(bytes);
  const packageName = textOf(fields, FILE.package);
  const prefix = packageName === '' ? '' : `${packageName}.`;
  return {
    name: textOf(fields, FILE.name),
    bytes,
    dependencies: all(fields, FILE.dependency).map((field) => field.bytes.toString('utf8')),
    symbols: [
      ...all(fields, FILE.message).flatMap((field) => messageSymbols(field.bytes, prefix)),
      ...all(fields, FILE.enum).map((field) => prefix + nameOf(field)),
      ...all(fields, FILE.service).flatMap((field) => serviceSymbols(field.bytes, prefix)),
    ],
  };
}

export function readDescriptor(bytes: Buffer): Field[] {
  return readFields(bytes, 'FileDescriptorProto');
}

function messageSymbols(bytes: Buffer, prefix: string): string[] {
  const fields = readDescriptor(bytes);
  const name = prefix + textOf(fields, MESSAGE.name);
  const nested = all(fields, MESSAGE.nested).flatMap((field) => messageSymbols(field.bytes, `${name}.`));
  const enums = all(fields, MESSAGE.enum).map((field) => `${name}.${nameOf(field)}`);
  return [name, ...nested, ...enums];
}

function serviceSymbols(bytes: Buffer, prefix: string): string[] {
  const fields = readDescriptor(bytes);
  const name = prefix + textOf(fields, SERVICE.name);
  return [name, ...all(fields, SERVICE.method).map((field) => `${name}.${nameOf(field)}`)];
}

function nameOf(field: Field): string {
  return textOf(readDescriptor(field.bytes), NAME);
}

function all(fields: readonly Field[], number: number): Field[] {
  return fields.filter((field) => field.number === number);
}
