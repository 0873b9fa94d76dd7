import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BufferPool } from '../../../src/wire/grpc/buffer-pool.ts';
import { compressFrames } from '../../../src/wire/grpc/compress-frames.ts';
import { FrameReader } from '../../../src/wire/grpc/frame-reader.ts';
import { OutputBuffer } from '../../../src/wire/grpc/output-buffer.ts';

function framed(messages: readonly Uint8Array[]): Buffer {
  const out = new OutputBuffer(new BufferPool());
  for (const message of messages) out.append(message);
  return out.bytes.subarray(0, out.position);
}

function read(bytes: Buffer): string[] {
  const messages: string[] = [];
  const sink = {
    message: (chunk: Buffer, start: number, end: number) => void messages.push(chunk.toString('latin1', start, end)),
  };
  new FrameReader(sink, { messageBytesMax: 10_000, encoding: 'gzip' }).push(bytes);
  return messages;
}

describe('compressFrames()', () => {
  it('compresses messages from the threshold on and leaves the others as they are', () => {
    const bytes = framed([Buffer.alloc(99, 'a'), Buffer.alloc(5000, 'b'), Buffer.alloc(10, 'c')]);
    const packed = compressFrames(bytes, 100);
    assert.ok(packed.length < 300);
    assert.deepEqual(read(packed), ['a'.repeat(99), 'b'.repeat(5000), 'c'.repeat(10)]);
  });

  it('returns the bytes themselves when nothing gets smaller', () => {
    const bytes = framed([Buffer.alloc(99, 'a')]);
    assert.equal(compressFrames(bytes, 100), bytes);
  });

  it('changes no message', () => {
    const message = fc.tuple(fc.nat(255), fc.nat(3000)).map(([byte, length]) => Buffer.alloc(length, byte));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(message, fc.uint8Array({ maxLength: 100 }))),
        fc.nat(500),
        (messages, threshold) => {
          const bytes = framed(messages);
          assert.deepEqual(read(compressFrames(bytes, threshold)), read(bytes));
        },
      ),
      { numRuns: 50 },
    );
  });
});
