import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  DELIVERY_OVERHEAD_BYTES_MAX,
  GRPC_LIMITS,
  MESSAGE_BYTES_CEILING,
  NAME_BYTES_MAX,
  NODE_NAME_BYTES_MAX,
  SHARDS_MAX,
} from '../../../src/base/limits.ts';
import { uuidText } from '../../../src/base/uuid.ts';
import { BufferPool } from '../../../src/wire/grpc/buffer-pool.ts';
import { OutputBuffer } from '../../../src/wire/grpc/output-buffer.ts';
import * as responses from '../../../src/wire/hsmq/responses.ts';
import { encodeMessage, method } from './hsmq-proto.ts';

const ID = Int32Array.of(0x11223344, 0x55667788, -0x66554434, -0x22110000);

/** What `write` puts out, without the five bytes of its frame; checks the frame's length. */
function written(write: (out: OutputBuffer) => void): Buffer {
  const out = new OutputBuffer(new BufferPool());
  write(out);
  const bytes = out.bytes.subarray(0, out.position);
  assert.equal(bytes[0], 0);
  assert.equal(bytes.readUInt32BE(1), bytes.length - 5);
  return bytes.subarray(5);
}

function response(name: 'Streaming' | 'SubscribeQueue' | 'Publish', bytes: Buffer): object {
  return JSON.parse(JSON.stringify(method(name).responseDeserialize(bytes)));
}

describe('hsmq responses', () => {
  it('add no more to a message than the limits say, whatever the names are', () => {
    const shard = `${'s'.repeat(NODE_NAME_BYTES_MAX)}/${SHARDS_MAX - 1}`;
    const suffix = responses.encodeMetaSuffix({ queue: 'q'.repeat(NAME_BYTES_MAX), shard });
    const source = Buffer.alloc(MESSAGE_BYTES_CEILING);
    for (const size of [GRPC_LIMITS.messageBytesMax, MESSAGE_BYTES_CEILING]) {
      const largest = size - DELIVERY_OVERHEAD_BYTES_MAX;
      const delivery = written((out) => responses.writeDelivery(out, source, 0, largest, ID, 0, suffix));
      assert.equal(delivery.length, size);
      const alone = written((out) => responses.writeSubscriptionMessage(out, source, 0, largest));
      assert.ok(alone.length < size);
    }
  });

  it('splices a message of any size into a delivery that the library reads', () => {
    const sizes = fc.oneof(fc.nat(200), fc.constantFrom(127, 128, 16_383, 16_384, 100_000, 3_000_000));
    fc.assert(
      fc.property(sizes, fc.string({ maxLength: 40, unit: 'grapheme' }), (size, queue) => {
        const message = { topic: 't', data: { value: Buffer.alloc(size, 7) } };
        const source = Buffer.concat([Buffer.from('xx'), encodeMessage(message)]);
        const suffix = responses.encodeMetaSuffix({ queue, shard: 'n/1' });
        const bytes = written((out) => responses.writeDelivery(out, source, 2, source.length, ID, 0, suffix));
        const decoded = method('Streaming').responseDeserialize(bytes) as {
          message: { message: { data: { value: Buffer } }; meta: object };
        };
        assert.equal(Buffer.compare(decoded.message.message.data.value ?? Buffer.alloc(0), message.data.value), 0);
        assert.deepEqual({ queue: '', ...decoded.message.meta }, { id: uuidText(ID, 0), queue, shard: 'n/1' });
      }),
      { numRuns: 100 },
    );
  });

  it('writes every kind of Response as the library reads it', () => {
    const id = Buffer.from('r-1');
    const ack = Buffer.from('0a030a0178', 'hex');
    const table: readonly (readonly [(out: OutputBuffer) => void, object])[] = [
      [(out) => responses.writePubAck(out, id, 0, id.length), { pub_ack: { request_id: 'r-1' }, kind: 'pub_ack' }],
      [(out) => responses.writePubAck(out, id, 0, 0), { pub_ack: {}, kind: 'pub_ack' }],
      [
        (out) => responses.writeMessageAck(out, ack, 0, ack.length),
        { message_ack: { meta: { id: 'x' } }, kind: 'message_ack' },
      ],
      [
        (out) => responses.writePubError(out, 'why', '', 'r'),
        { pub_error: { info: 'why', request_id: 'r' }, kind: 'pub_error' },
      ],
      [
        (out) => responses.writeFetchTimeout(out, 'q'),
        { fetch_message_timeout: { queue: 'q' }, kind: 'fetch_message_timeout' },
      ],
      [
        (out) => responses.writeFetchError(out, 'why', 'q'),
        { fetch_message_error: { info: 'why', queue: 'q' }, kind: 'fetch_message_error' },
      ],
      [(out) => responses.writePong(out), { pong: {}, kind: 'pong' }],
      [(out) => responses.writeRedirect(out, 'http://x'), { redirect: { grpc_uri: 'http://x' }, kind: 'redirect' }],
    ];
    for (const [write, expected] of table) assert.deepEqual(response('Streaming', written(write)), expected);
  });

  it('writes every kind of PublishResponse and SubscriptionResponse', () => {
    const suffix = responses.encodeMetaSuffix({ queue: 'q', shard: 'n/0' });
    const message = encodeMessage({ topic: 't' });
    for (const count of [0, 1, 127, 128, 2 ** 31, 2 ** 40]) {
      assert.deepEqual(
        response(
          'Publish',
          written((out) => responses.writePublishCount(out, count)),
        ),
        { count, kind: 'count' },
      );
    }
    assert.deepEqual(
      response(
        'Publish',
        written((out) => responses.writePublishMeta(out, ID, 0, suffix)),
      ),
      {
        message_meta: { id: uuidText(ID, 0), queue: 'q', shard: 'n/0' },
        kind: 'message_meta',
      },
    );
    assert.deepEqual(
      response(
        'Publish',
        written((out) => responses.writePublishRedirect(out, 'u')),
      ),
      { redirect: { grpc_uri: 'u' }, kind: 'redirect' },
    );
    assert.deepEqual(
      response(
        'SubscribeQueue',
        written((out) => responses.writeSubscriptionMessage(out, message, 0, message.length)),
      ),
      {
        message: { topic: 't' },
        kind: 'message',
      },
    );
    assert.deepEqual(
      response(
        'SubscribeQueue',
        written((out) => responses.writeSubscriptionRedirect(out, 'u')),
      ),
      { redirect: { grpc_uri: 'u' }, kind: 'redirect' },
    );
  });
});
