import assert from 'node:assert/strict';
import {
  DELIVERY_OVERHEAD_BYTES_MAX,
  FETCHES_PER_STREAM_MAX,
  UNCONFIRMED_PUBLISHES_MAX,
} from '../../src/base/limits.ts';
import { readUuid, uuidText } from '../../src/base/uuid.ts';
import { PublishResult } from '../../src/core/publish-result.ts';
import { assembleRecord } from '../../src/session/hsmq-record.ts';
import { HsmqStream } from '../../src/session/hsmq-stream.ts';
import { MessageLimit } from '../../src/session/message-limit.ts';
import { RequestDecoder } from '../../src/wire/hsmq/request-decoder.ts';
import { encodeMessage, encodeRequest } from '../wire/hsmq/hsmq-proto.ts';
import { FakeBroker, FakeCall, fakeQueue, UNLIMITED } from './fakes.ts';

const ID = '0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee';
const MESSAGE = { topic: 'b.a', data: { value: Buffer.from('hello') } };

function idWords(): Int32Array {
  const words = new Int32Array(4);
  readUuid(Buffer.from(ID), 0, 36, words);
  return words;
}

function open(options: { limit: MessageLimit } = UNLIMITED): {
  broker: FakeBroker;
  call: FakeCall;
  stream: HsmqStream;
  send: (request: object) => void;
} {
  const broker = new FakeBroker();
  const queue = fakeQueue('b');
  broker.queues.set('b', queue);
  broker.topics.set('b.a', { queues: [queue] });
  const call = new FakeCall();
  const stream = new HsmqStream(broker, call, options);
  const send = (request: object): void => {
    const bytes = encodeRequest(request);
    stream.message(bytes, 0, bytes.length);
  };
  return { broker, call, stream, send };
}

const publish = (requestId: string, topic = 'b.a', qos = 1) => ({
  publish_message: { message: { ...MESSAGE, topic }, qos, request_id: requestId },
});

describe('HsmqStream', () => {
  it('confirms a publish that every queue took at once', () => {
    const { broker, call, send } = open();
    send(publish('r1'));
    assert.deepEqual(call.responses(), [{ pub_ack: { request_id: 'r1' } }]);
    assert.equal(broker.calls[0][0], 'publish');
  });

  it('does not confirm QoS 0, and asks no queue for an answer', () => {
    const { broker, call, send } = open();
    send(publish('r1', 'b.a', 0));
    assert.deepEqual(call.responses(), []);
    assert.equal(broker.calls[0][2], -1);
  });

  it('answers a publish without a bound queue with PubError and lives on', () => {
    const { call, send } = open();
    send(publish('r1', 'nowhere'));
    assert.deepEqual(call.responses(), [
      { pub_error: { info: 'Subscribers for topic nowhere not found', topic: 'nowhere', request_id: 'r1' } },
    ]);
    send({ ping: {} });
    assert.deepEqual(call.responses(), [{ pong: {} }]);
    assert.equal(call.finished, undefined);
  });

  it('answers a message that could not be delivered with PubError, also for QoS 0, and lives on', () => {
    const size = encodeMessage(MESSAGE).length;
    let refused = 0;
    const messageBytesMax = size + DELIVERY_OVERHEAD_BYTES_MAX;
    const { call, send } = open({ limit: new MessageLimit({ messageBytesMax, onRefused: () => refused++ }) });
    const larger = { ...MESSAGE, key: 'k' };
    const info = `Cannot publish: received a message of ${size + 3} bytes, at most ${size} are allowed`;
    for (const qos of [0, 1]) {
      send({ publish_message: { message: larger, qos, request_id: 'r1' } });
      assert.deepEqual(call.responses(), [{ pub_error: { info, topic: 'b.a', request_id: 'r1' } }]);
    }
    assert.equal(refused, 2);
    send(publish('r2'));
    assert.deepEqual(call.responses(), [{ pub_ack: { request_id: 'r2' } }]);
  });

  it('tells a full queue as PubError, also for QoS 0', () => {
    for (const qos of [0, 1]) {
      const { broker, call, send } = open();
      broker.publishResult = PublishResult.full;
      broker.publishQueue = broker.queues.get('b');
      send(publish('r1', 'b.a', qos));
      assert.deepEqual(call.responses(), [
        { pub_error: { info: 'Queue "b" is full', topic: 'b.a', request_id: 'r1' } },
      ]);
    }
  });

  it('confirms when the last queue of another shard answered, in any order', () => {
    const { broker, call, stream, send } = open();
    broker.waiting = 2;
    send(publish('r1'));
    send(publish('r2'));
    assert.deepEqual(call.responses(), []);
    stream.confirmed(1, PublishResult.accepted, undefined);
    stream.confirmed(0, PublishResult.accepted, undefined);
    stream.confirmed(1, PublishResult.accepted, undefined);
    stream.confirmed(0, PublishResult.full, fakeQueue('c'));
    assert.deepEqual(call.responses(), [
      { pub_ack: { request_id: 'r2' } },
      { pub_error: { info: 'Queue "c" is full', topic: 'b.a', request_id: 'r1' } },
    ]);
  });

  it('stops reading while too many publishes are unconfirmed', () => {
    const { broker, call, stream, send } = open();
    broker.waiting = 1;
    for (let count = 0; count < UNCONFIRMED_PUBLISHES_MAX; count++) send(publish(String(count)));
    assert.equal(call.paused, true);
    for (let count = 0; count < UNCONFIRMED_PUBLISHES_MAX / 2; count++)
      stream.confirmed(count, PublishResult.accepted, undefined);
    assert.equal(call.paused, false);
  });

  it('echoes an ack before the queue hears of it, also an unknown one', () => {
    const { broker, call, send } = open();
    let echoedFirst = false;
    broker.ack = () => {
      echoedFirst = call.out.position > 0;
    };
    send({ message_ack: { meta: { id: ID, queue: 'b', shard: 'n/0' } } });
    assert.equal(echoedFirst, true);
    send({ message_ack: { meta: { id: 'no uuid', queue: 'b' } } });
    send({ message_ack: { meta: { id: ID, queue: 'unknown' } } });
    send({ message_ack: {} });
    assert.deepEqual(call.responses(), [
      { message_ack: { meta: { id: ID, queue: 'b', shard: 'n/0' } } },
      { message_ack: { meta: { id: 'no uuid', queue: 'b' } } },
      { message_ack: { meta: { id: ID, queue: 'unknown' } } },
      { message_ack: {} },
    ]);
  });

  it('gives acks and requeues to the queue that the meta names', () => {
    const { broker, send } = open();
    broker.queues.set('c', fakeQueue('c', 2));
    send({ message_ack: { meta: { id: ID, queue: 'b' } } });
    send({ message_requeue: { meta: { id: ID, queue: 'c' } } });
    send({ message_ack: { meta: { id: ID, queue: 'b' } } });
    assert.deepEqual(broker.calls, [
      ['ack', 'b', ...idWords()],
      ['requeue', 'c', ...idWords()],
      ['ack', 'b', ...idWords()],
    ]);
  });

  it('subscribes with the queue prefetch when none is asked for, and tells an unknown queue', () => {
    const { broker, call, send } = open();
    send({ subscribe_queue: { queues: ['b', 'x'], prefetch_count: 0 } });
    send({ subscribe_queue: { queues: ['b'], prefetch_count: 100_000 } });
    assert.deepEqual(broker.calls, [
      ['subscribe', 'b', 1],
      ['subscribe', 'b', 65_535],
    ]);
    assert.deepEqual(call.responses(), [
      { fetch_message_error: { info: 'Cannot subscribe: queue "x" not found', queue: 'x' } },
    ]);
    assert.throws(() => send({ subscribe_queue: { queues: ['b'], prefetch_count: -1 } }), /received prefetch_count -1/);
  });

  function deliver(setup: ReturnType<typeof open>, fetch = -1): void {
    const { broker, stream } = setup;
    const decoder = new RequestDecoder();
    const bytes = encodeMessage(MESSAGE);
    decoder.decodeMessage(bytes, 0, bytes.length);
    const memory = assembleRecord(broker, decoder, bytes);
    memory.words.set(idWords(), 8);
    stream.delivered(fakeQueue('b'), memory, 0, fetch);
  }

  const DELIVERED = {
    message: {
      message: { topic: 'b.a', data: { value: JSON.parse(JSON.stringify(MESSAGE.data.value)) } },
      meta: { id: ID, queue: 'b', shard: 'n/0' },
    },
  };

  it('delivers the message as it was published, with id, queue and shard', () => {
    const setup = open();
    deliver(setup);
    assert.deepEqual(setup.call.responses(), [DELIVERED]);
    assert.equal(uuidText(idWords(), 0), ID);
  });

  it('holds its deliveries and its reading while the client does not read, and goes on after', () => {
    const setup = open();
    setup.send({ subscribe_queue: { queues: ['b'], prefetch_count: 10 } });
    setup.call.congested = true;
    deliver(setup);
    deliver(setup);
    assert.equal(setup.call.paused, true);
    setup.call.congested = false;
    setup.stream.drained();
    assert.equal(setup.call.paused, false);
    assert.deepEqual(setup.broker.calls, [
      ['subscribe', 'b', 10],
      ['subscribe', 'b', 0],
      ['subscribe', 'b', 10],
    ]);
  });

  it('answers a fetch with its message, a time-out or an error', () => {
    const setup = open();
    const { broker, call, stream, send } = setup;
    send({ fetch_message: { queue: 'b', timeout: 1.5 } });
    send({ fetch_message: { queue: 'b', timeout: 0 } });
    send({ fetch_message: { queue: 'x', timeout: 1 } });
    send({ fetch_message: { queue: 'b', timeout: -1 } });
    assert.deepEqual(broker.calls, [
      ['fetch', 'b', 0, 1500],
      ['fetch', 'b', 1, 0],
    ]);
    deliver(setup, 0);
    stream.fetchTimedOut(fakeQueue('b'), 1);
    stream.fetchTimedOut(fakeQueue('b'), 1);
    assert.deepEqual(call.responses(), [
      { fetch_message_error: { info: 'Queue "x" not found', queue: 'x' } },
      { fetch_message_error: { info: 'Cannot fetch: received timeout -1, expected seconds from 0', queue: 'b' } },
      DELIVERED,
      { fetch_message_timeout: { queue: 'b' } },
    ]);
  });

  it('refuses more waiting fetches than a stream may have', () => {
    const { broker, call, send } = open();
    for (let count = 0; count < FETCHES_PER_STREAM_MAX; count++) send({ fetch_message: { queue: 'b', timeout: 9 } });
    assert.deepEqual(call.responses(), []);
    send({ fetch_message: { queue: 'b', timeout: 9 } });
    assert.match(JSON.stringify(call.responses()), /10000 fetches of this stream wait already/);
    assert.equal(broker.calls.length, FETCHES_PER_STREAM_MAX);
  });

  it('acks an autoack fetch only when its message has been written out', () => {
    const setup = open();
    setup.send({ fetch_message: { queue: 'b', timeout: 1, autoack: true } });
    deliver(setup, 0);
    assert.equal(setup.broker.calls.length, 1);
    setup.call.flushed();
    assert.deepEqual(setup.broker.calls[1], ['ack', 'b', ...idWords()]);
  });

  it('ends after the half-close when publishes are confirmed and fetches answered', () => {
    const { broker, call, stream, send } = open();
    broker.waiting = 1;
    send(publish('r1'));
    send({ fetch_message: { queue: 'b', timeout: 1 } });
    stream.end();
    assert.equal(call.finished, undefined);
    stream.confirmed(0, PublishResult.accepted, undefined);
    assert.equal(call.finished, undefined);
    stream.fetchTimedOut(undefined, 0);
    assert.deepEqual(call.finished, { code: 0, message: '' });
  });

  it('refuses publishes while draining and sends the redirect its client gave, once', () => {
    const { call, stream, send } = open();
    call.metadata.redirect = 'http://other:4848';
    stream.drain();
    send(publish('r1'));
    assert.deepEqual(call.responses(), [
      { redirect: { grpc_uri: 'http://other:4848' } },
      { pub_error: { info: 'shutdown', topic: 'b.a', request_id: 'r1' } },
    ]);
    stream.stop();
    assert.deepEqual(call.finished, { code: 14, message: 'shutdown' });
  });

  it('tells a subscriber that its queue was deleted', () => {
    const { call, stream, send } = open();
    send({ subscribe_queue: { queues: ['b'], prefetch_count: 1 } });
    stream.queueDeleted(fakeQueue('b'));
    stream.queueDeleted(fakeQueue('b'));
    assert.deepEqual(call.responses(), [{ fetch_message_error: { info: 'Queue "b" was deleted', queue: 'b' } }]);
  });

  it('gives its session back when the call is closed', () => {
    const { broker, stream } = open();
    stream.closed();
    assert.deepEqual(broker.calls, [['close', 5]]);
  });
});
