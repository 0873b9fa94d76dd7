// The messages of grpc.reflection: v1 and v1alpha differ in their package name alone, so one codec serves both.
// Field numbers are those of config/proto/reflection-v1.proto. Cold path: plain objects and concatenation.
import { ProtoReader } from '../proto-reader.ts';
import { delimited, type Field, varintField, writeFields } from './proto-fields.ts';

export type ReflectionRequest =
  | { readonly kind: 'file-by-name'; readonly name: string }
  | { readonly kind: 'file-by-symbol'; readonly symbol: string }
  | { readonly kind: 'list-services' }
  | { readonly kind: 'extension' }
  | { readonly kind: 'extension-numbers'; readonly type: string }
  | { readonly kind: 'none' };

export type ReflectionAnswer =
  | { readonly kind: 'files'; readonly files: readonly Buffer[] }
  | { readonly kind: 'services'; readonly names: readonly string[] }
  | { readonly kind: 'error'; readonly code: number; readonly message: string };

const REQUEST = { fileByName: 3, fileBySymbol: 4, extension: 5, extensionNumbers: 6, listServices: 7 } as const;
const RESPONSE = { originalRequest: 2, files: 4, services: 6, error: 7 } as const;

/** Reads a ServerReflectionRequest; of a oneof the last field counts. */
export function decodeReflectionRequest(bytes: Buffer, start: number, end: number): ReflectionRequest {
  const reader = new ProtoReader();
  reader.reset(bytes, start, end, 'ServerReflectionRequest');
  let request: ReflectionRequest = { kind: 'none' };
  while (reader.at < reader.end) request = readField(reader) ?? request;
  return request;
}

function readField(reader: ProtoReader): ReflectionRequest | undefined {
  const tag = reader.tag();
  switch (tag >>> 3) {
    case REQUEST.fileByName:
      return { kind: 'file-by-name', name: reader.string() };
    case REQUEST.fileBySymbol:
      return { kind: 'file-by-symbol', symbol: reader.string() };
    case REQUEST.extensionNumbers:
      return { kind: 'extension-numbers', type: reader.string() };
    case REQUEST.extension:
      reader.skip(tag);
      return { kind: 'extension' };
    case REQUEST.listServices:
      reader.skip(tag);
      return { kind: 'list-services' };
    default:
      reader.skip(tag);
      return undefined;
  }
}

/** Writes a ServerReflectionResponse that repeats its request. */
export function encodeReflectionResponse(request: Uint8Array, answer: ReflectionAnswer): Buffer {
  return writeFields([delimited(RESPONSE.originalRequest, request), encodeAnswer(answer)]);
}

function encodeAnswer(answer: ReflectionAnswer): Field {
  switch (answer.kind) {
    case 'files':
      return delimited(RESPONSE.files, writeFields(answer.files.map((file) => delimited(1, file))));
    case 'services': {
      const services = answer.names.map((name) => delimited(1, writeFields([delimited(1, name)])));
      return delimited(RESPONSE.services, writeFields(services));
    }
    case 'error':
      return delimited(RESPONSE.error, writeFields([varintField(1, answer.code), delimited(2, answer.message)]));
  }
}
