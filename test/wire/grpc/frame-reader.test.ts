import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { BrokerError } from '../../../src/base/errors.ts';
import { FRAME_FLAG, FRAME_HEADER_BYTES, writeFrameHeader } from '../../../src/wire/grpc/frame.ts';
import { FrameReader, type FrameReaderOptions } from '../../../src/wire/grpc/frame-reader.ts';

function frame(message: Uint8Array, flag: number = FRAME_FLAG.plain): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  writeFrameHeader(header, 0, { flag, length: message.length });
  return Buffer.concat([header, message]);
}

/** A reader that collects copies of what it hands out. */
function collector(options: Partial<FrameReaderOptions> = {}) {
  const messages: Buffer[] = [];
  const sink = {
    message: (bytes: Buffer, start: number, end: number) => void messages.push(Buffer.from(bytes.subarray(start, end))),
  };
  const reader = new FrameReader(sink, { messageBytesMax: 1000, encoding: 'identity', ...options });
  return { messages, reader };
}

function splitAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const points = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return points.slice(1).map((point, index) => bytes.subarray(points[index], point));
}

const code = (expected: string) => (thrown: unknown) => thrown instanceof BrokerError && thrown.code === expected;

describe('FrameReader', () => {
  const vectors: { name: string; messages: string[] }[] = [
    { name: 'an empty message', messages: [''] },
    { name: 'one message', messages: ['hello'] },
    { name: 'several messages', messages: ['a', 'bb', '', 'dddd'] },
    { name: 'a message of the largest size', messages: ['x'.repeat(1000)] },
  ];
  for (const { name, messages } of vectors) {
    const stream = Buffer.concat(messages.map((text) => frame(Buffer.from(text))));

    it(`reads ${name} from one chunk`, () => {
      const { reader, messages: read } = collector();
      reader.push(stream);
      assert.deepEqual(read.map(String), messages);
      assert.equal(reader.midMessage, false);
      assert.equal(reader.bufferedBytes, 0);
    });

    it(`reads ${name} byte by byte`, () => {
      const { reader, messages: read } = collector();
      for (const byte of stream) reader.push(Buffer.of(byte));
      assert.deepEqual(read.map(String), messages);
      assert.equal(reader.bufferedBytes, 0);
    });

    it(`keeps what follows ${name}`, () => {
      const { reader, messages: read } = collector();
      reader.push(Buffer.concat([stream, Buffer.of(0, 0)]));
      assert.deepEqual(read.map(String), messages);
      assert.equal(reader.midMessage, true);
      assert.equal(reader.bufferedBytes, 2);
      reader.push(Buffer.of(0, 0, 1, 122));
      assert.deepEqual(read.map(String), [...messages, 'z']);
    });
  }

  it('hands a whole message out in place', () => {
    const chunk = frame(Buffer.from('in place'));
    const seen: Buffer[] = [];
    const reader = new FrameReader(
      { message: (bytes) => void seen.push(bytes) },
      { messageBytesMax: 100, encoding: 'identity' },
    );
    reader.push(chunk);
    assert.equal(seen[0], chunk);
  });

  it('refuses a message over the limit before its bytes arrive', () => {
    const { reader } = collector();
    assert.throws(() => reader.push(Buffer.of(0, 0, 0, 0x03, 0xe9)), code('resource-exhausted'));
    const huge = collector().reader;
    huge.push(Buffer.of(0, 0xff));
    assert.throws(() => huge.push(Buffer.of(0xff, 0xff, 0xff)), code('resource-exhausted'));
  });

  it('grows with what arrived, not with what was announced', () => {
    const { reader } = collector({ messageBytesMax: 2 ** 31 });
    reader.push(Buffer.of(0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3));
    assert.equal(reader.bufferedBytes, 8);
  });

  it('refuses a flag that is neither 0 nor 1', () => {
    assert.throws(() => collector().reader.push(Buffer.of(2, 0, 0, 0, 0)), code('internal'));
  });

  it('refuses the compressed flag when no encoding was named', () => {
    assert.throws(() => collector().reader.push(frame(gzipSync('a'), FRAME_FLAG.compressed)), code('internal'));
  });

  it('decompresses gzip messages, mixed with plain ones', () => {
    const { reader, messages } = collector({ encoding: 'gzip' });
    const stream = Buffer.concat([frame(gzipSync('packed'), FRAME_FLAG.compressed), frame(Buffer.from('plain'))]);
    reader.push(stream);
    for (const byte of stream) reader.push(Buffer.of(byte));
    assert.deepEqual(messages.map(String), ['packed', 'plain', 'packed', 'plain']);
  });

  it('refuses a gzip bomb without inflating it', () => {
    const bomb = gzipSync(Buffer.alloc(100_000));
    assert.ok(bomb.length < 1000);
    const { reader } = collector({ encoding: 'gzip' });
    assert.throws(() => reader.push(frame(bomb, FRAME_FLAG.compressed)), code('resource-exhausted'));
  });

  it('refuses bytes that are not gzip', () => {
    const { reader } = collector({ encoding: 'gzip' });
    assert.throws(() => reader.push(frame(Buffer.from('not gzip'), FRAME_FLAG.compressed)), code('internal'));
  });

  it('hands out nothing while paused, not even the rest of the chunk', () => {
    const read: string[] = [];
    const reader: FrameReader = new FrameReader(
      {
        message: (bytes, start, end) => {
          read.push(bytes.toString('utf8', start, end));
          reader.pause();
        },
      },
      { messageBytesMax: 100, encoding: 'identity' },
    );
    reader.push(Buffer.concat(['a', 'b', 'c'].map((text) => frame(Buffer.from(text)))));
    reader.push(frame(Buffer.from('d')));
    assert.deepEqual(read, ['a']);
    assert.equal(reader.bufferedBytes, 18);
    for (const expected of ['b', 'c', 'd']) {
      reader.resume();
      assert.equal(read.at(-1), expected);
    }
    assert.equal(reader.bufferedBytes, 0);
  });

  it('reads the same messages however the stream is cut, paused and resumed', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
    const cuts = fc.array(fc.nat(), { maxLength: 20 });
    fc.assert(
      fc.property(messages, cuts, fc.array(fc.boolean()), (sent, at, pauses) => {
        const { reader, messages: read } = collector();
        const stream = Buffer.concat(sent.map((message) => frame(message)));
        splitAt(stream, at).forEach((chunk, index) => {
          if (pauses[index % pauses.length]) reader.pause();
          else reader.resume();
          reader.push(chunk);
        });
        reader.resume();
        assert.deepEqual(
          read,
          sent.map((message) => Buffer.from(message)),
        );
        assert.equal(reader.midMessage, false);
      }),
    );
  });

  it('survives random bytes: messages, an expected error, or more to come', () => {
    const encoding = fc.constantFrom('identity' as const, 'gzip' as const);
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), encoding, (chunks, named) => {
        const { reader } = collector({ encoding: named });
        try {
          for (const chunk of chunks) reader.push(Buffer.from(chunk));
          assert.ok(reader.bufferedBytes <= 1005);
        } catch (thrown) {
          assert.ok(thrown instanceof BrokerError, String(thrown));
        }
      }),
    );
  });
});
