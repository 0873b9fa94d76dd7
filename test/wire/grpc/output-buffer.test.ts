import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BufferPool, LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from '../../../src/wire/grpc/buffer-pool.ts';
import { FrameReader } from '../../../src/wire/grpc/frame-reader.ts';
import { OutputBuffer } from '../../../src/wire/grpc/output-buffer.ts';

describe('OutputBuffer', () => {
  it('holds no memory while it is idle', () => {
    const out = new OutputBuffer(new BufferPool());
    assert.equal(out.bytes.length, 0);
    out.append(Buffer.from('x'));
    out.take();
    assert.equal(out.bytes.length, 0);
    assert.equal(out.position, 0);
  });

  it('prefixes what was written between beginMessage() and endMessage()', () => {
    const out = new OutputBuffer(new BufferPool());
    const start = out.beginMessage();
    out.reserve(3);
    out.bytes.write('abc', out.position);
    out.position += 3;
    out.endMessage(start);
    assert.deepEqual([...out.bytes.subarray(0, out.position)], [0, 0, 0, 0, 3, 97, 98, 99]);
  });

  it('keeps what was written when it grows', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 5000 })), (messages) => {
        const out = new OutputBuffer(new BufferPool());
        for (const message of messages) out.append(message);
        const length = out.position;
        const read: Buffer[] = [];
        const sink = {
          message: (bytes: Buffer, start: number, end: number) =>
            void read.push(Buffer.from(bytes.subarray(start, end))),
        };
        new FrameReader(sink, { messageBytesMax: 5000, encoding: 'identity' }).push(out.take().subarray(0, length));
        assert.deepEqual(
          read,
          messages.map((message) => Buffer.from(message)),
        );
      }),
    );
  });

  it('starts large after a large turn, small after a small one', () => {
    const out = new OutputBuffer(new BufferPool());
    out.append(Buffer.alloc(SMALL_BUFFER_BYTES));
    out.take();
    out.append(Buffer.alloc(1));
    assert.equal(out.bytes.length, LARGE_BUFFER_BYTES);
    out.take();
    out.append(Buffer.alloc(1));
    assert.equal(out.bytes.length, SMALL_BUFFER_BYTES);
  });
});

describe('BufferPool', () => {
  it('lends again what was given back', () => {
    const pool = new BufferPool();
    const small = pool.take(1);
    const large = pool.take(SMALL_BUFFER_BYTES + 1);
    pool.give(small);
    pool.give(large);
    assert.equal(pool.take(SMALL_BUFFER_BYTES), small);
    assert.equal(pool.take(LARGE_BUFFER_BYTES), large);
    assert.notEqual(pool.take(1), small);
  });

  it('does not keep buffers of other sizes', () => {
    const pool = new BufferPool();
    const huge = pool.take(LARGE_BUFFER_BYTES + 1);
    pool.give(huge);
    assert.equal(huge.length, LARGE_BUFFER_BYTES + 1);
    assert.notEqual(pool.take(LARGE_BUFFER_BYTES + 1), huge);
  });
});
