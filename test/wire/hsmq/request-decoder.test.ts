import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BrokerError } from '../../../src/base/errors.ts';
import { RequestDecoder, RequestKind } from '../../../src/wire/hsmq/request-decoder.ts';
import { encodeMessage, encodeRequest } from './hsmq-proto.ts';

/** Decodes with bytes around the request, as it lies in a chunk. */
function decode(request: Buffer): { decoder: RequestDecoder; bytes: Buffer } {
  const bytes = Buffer.concat([Buffer.from('before'), request, Buffer.from('after')]);
  const decoder = new RequestDecoder();
  decoder.decodeRequest(bytes, 6, 6 + request.length);
  return { decoder, bytes };
}

const MESSAGE = { topic: 'b.a', key: 'k', data: { type_url: 't', value: Buffer.from('hello') }, headers: { x: 'y' } };

describe('RequestDecoder', () => {
  it('finds message, qos and request id of a publish', () => {
    const { decoder, bytes } = decode(
      encodeRequest({ publish_message: { message: MESSAGE, qos: 1, request_id: 'r-1' } }),
    );
    assert.equal(decoder.kind, RequestKind.publishMessage);
    assert.equal(decoder.qos, 1);
    assert.equal(bytes.toString('utf8', decoder.requestIdStart, decoder.requestIdEnd), 'r-1');
    assert.equal(bytes.toString('utf8', decoder.message.topicStart, decoder.message.topicEnd), 'b.a');
    assert.deepEqual(bytes.subarray(decoder.messageStart, decoder.messageEnd), encodeMessage(MESSAGE));
  });

  it('finds id and queue of an ack and of a requeue', () => {
    const meta = { id: '0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee', queue: 'q', shard: 'n/0' };
    for (const [field, kind] of [
      ['message_ack', RequestKind.messageAck],
      ['message_requeue', RequestKind.messageRequeue],
    ] as const) {
      const { decoder, bytes } = decode(encodeRequest({ [field]: { meta } }));
      assert.equal(decoder.kind, kind);
      assert.equal(bytes.toString('utf8', decoder.idStart, decoder.idEnd), meta.id);
      assert.equal(bytes.toString('utf8', decoder.queueStart, decoder.queueEnd), 'q');
    }
  });

  it('reads subscriptions, fetches, pings and an empty request', () => {
    const { decoder: subscribe } = decode(
      encodeRequest({ subscribe_queue: { queues: ['a', 'ä'], prefetch_count: 7 } }),
    );
    assert.deepEqual(
      [subscribe.kind, subscribe.queues, subscribe.prefetch],
      [RequestKind.subscribeQueue, ['a', 'ä'], 7],
    );
    const { decoder: negative } = decode(encodeRequest({ subscribe_queue: { queues: ['a'], prefetch_count: -1 } }));
    assert.equal(negative.prefetch, -1);
    const { decoder: fetch } = decode(encodeRequest({ fetch_message: { queue: 'a', timeout: 1.5, autoack: true } }));
    assert.deepEqual(
      [fetch.kind, fetch.queue, fetch.timeoutSeconds, fetch.autoack],
      [RequestKind.fetchMessage, 'a', 1.5, true],
    );
    assert.equal(decode(encodeRequest({ ping: {} })).decoder.kind, RequestKind.ping);
    assert.equal(decode(Buffer.alloc(0)).decoder.kind, RequestKind.none);
  });

  it('reads the option headers of a publish', () => {
    const headers = {
      'ringmq-ttl-ms': '1500',
      'ringmq-delay-ms': '20',
      'ringmq-priority': '9',
      'ringmq-message-id': 'm-1',
      other: 'x',
    };
    const { decoder, bytes } = decode(encodeRequest({ publish_message: { message: { ...MESSAGE, headers } } }));
    const { message } = decoder;
    assert.deepEqual([message.ttlMs, message.delayMs, message.priority], [1500, 20, 9]);
    assert.equal(bytes.toString('utf8', message.dedupStart, message.dedupEnd), 'm-1');
  });

  const refusedHeaders: readonly (readonly [string, string, RegExp])[] = [
    ['ringmq-ttl-ms', '-1', /received "-1", expected a whole number/],
    ['ringmq-ttl-ms', '1e3', /received "1e3"/],
    ['ringmq-priority', '10', /from 0 to 9/],
    ['ringmq-priorty', '1', /known are ringmq-ttl-ms/],
    ['ringmq-message-id', 'x'.repeat(129), /at most 128/],
  ];
  for (const [name, value, text] of refusedHeaders) {
    it(`refuses header ${name}: ${value.slice(0, 8)}`, () => {
      const request = encodeRequest({ publish_message: { message: { ...MESSAGE, headers: { [name]: value } } } });
      assert.throws(
        () => decode(request),
        (error) => error instanceof BrokerError && error.code === 'invalid-argument' && text.test(error.message),
      );
    });
  }

  const malformed: readonly (readonly [string, string])[] = [
    ['a varint that runs past the end', '80'],
    ['a varint of 11 bytes', 'ffffffffffffffffffffff01'],
    ['a length that runs past the end', '2205aa'],
    ['a group, which proto3 does not have', '0b'],
    ['a topic that is not UTF-8', '22050a031201ff'],
    ['a request id that is not UTF-8', '22031a01ff'],
    ['a meta that ends inside a field', '12050a030a05aa'],
    ['a fixed field that runs past the end', '0901'],
  ];
  for (const [what, hex] of malformed) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => decode(Buffer.from(hex, 'hex')),
        (error) => error instanceof BrokerError && error.code === 'invalid-argument',
      );
    });
  }

  it('skips unknown fields of every wire type', () => {
    const unknown = Buffer.from('78017d010203047901020304050607087a0178', 'hex');
    const { decoder } = decode(Buffer.concat([unknown, encodeRequest({ ping: {} }), unknown]));
    assert.equal(decoder.kind, RequestKind.ping);
  });

  it('takes any bytes without another error than BrokerError, and never reads outside of the message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        try {
          const { decoder } = decode(Buffer.from(random));
          if (decoder.kind !== RequestKind.none) assert.ok(decoder.bodyEnd <= 6 + random.length);
        } catch (error) {
          assert.ok(error instanceof BrokerError, String(error));
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses or stays inside a mutated request', () => {
    const valid = encodeRequest({ publish_message: { message: MESSAGE, qos: 1, request_id: 'r-1' } });
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(255), (at, value) => {
        const mutated = Buffer.from(valid);
        mutated[at] = value;
        try {
          const { decoder, bytes } = decode(mutated);
          if (decoder.kind !== RequestKind.publishMessage) return;
          assert.ok(decoder.messageEnd <= bytes.length - 5);
        } catch (error) {
          assert.ok(error instanceof BrokerError, String(error));
        }
      }),
      { numRuns: 5000 },
    );
  });
});
