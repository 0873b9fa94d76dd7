import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { loadSync } from '@grpc/proto-loader';
import { repairDescriptors } from '../../../src/wire/grpc/descriptor-repair.ts';
import { FILE, MESSAGE, readDescriptor, readFileDescriptor } from '../../../src/wire/grpc/file-descriptor.ts';
import { textOf } from '../../../src/wire/grpc/proto-fields.ts';

const proto = fileURLToPath(new URL('../../../config/proto/hsmq.proto', import.meta.url));
const loaded = loadSync(proto)['hsmq.v1.hsmq.Message'] as unknown as { fileDescriptorProtos: Buffer[] };
const [hsmq, any] = repairDescriptors(loaded.fileDescriptorProtos).map(readFileDescriptor);

describe('repairDescriptors()', () => {
  it('names the well-known file as everybody does, and imports it', () => {
    assert.equal(any.name, 'google/protobuf/any.proto');
    assert.deepEqual(hsmq.dependencies, ['google/protobuf/any.proto']);
    assert.deepEqual(any.dependencies, []);
  });

  it('gives map entries their suffix and type names their full path', () => {
    assert.ok(hsmq.symbols.includes('hsmq.v1.hsmq.Message.HeadersEntry'));
    const message = readDescriptor(hsmq.bytes).find(({ number }) => number === FILE.message);
    const fields = readDescriptor(message?.bytes ?? Buffer.alloc(0)).filter(({ number }) => number === MESSAGE.field);
    const types = fields.map((field) => textOf(readDescriptor(field.bytes), 6));
    assert.deepEqual(types, ['.google.protobuf.Any', '', '', '.hsmq.v1.hsmq.Message.HeadersEntry']);
  });

  it('keeps every symbol', () => {
    const given = loaded.fileDescriptorProtos.map(readFileDescriptor).flatMap((file) => file.symbols);
    assert.equal(hsmq.symbols.length + any.symbols.length, given.length);
  });
});
