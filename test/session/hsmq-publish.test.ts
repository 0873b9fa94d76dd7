import assert from 'node:assert/strict';
import { BrokerError } from '../../src/base/errors.ts';
import { DELIVERY_OVERHEAD_BYTES_MAX } from '../../src/base/limits.ts';
import { PublishResult } from '../../src/core/publish-result.ts';
import { HsmqPublish, HsmqPublishQos0 } from '../../src/session/hsmq-publish.ts';
import { MessageLimit } from '../../src/session/message-limit.ts';
import { encodeMessage } from '../wire/hsmq/hsmq-proto.ts';
import { FakeBroker, FakeCall, fakeQueue, UNLIMITED } from './fakes.ts';

function setUp(): { broker: FakeBroker; call: FakeCall } {
  const broker = new FakeBroker();
  broker.topics.set('t', { queues: [fakeQueue('q')] });
  return { broker, call: new FakeCall() };
}

const message = encodeMessage({ topic: 't', data: { value: Buffer.from('x') } });
const unbound = encodeMessage({ topic: 'nowhere' });
const isError = (code: string, text: RegExp) => (error: unknown) =>
  error instanceof BrokerError && error.code === code && text.test(error.message);

/** A limit one byte below the size of `message`, and how often it refused. */
function tightLimit(): { limit: MessageLimit; refused: () => number } {
  let count = 0;
  const messageBytesMax = message.length - 1 + DELIVERY_OVERHEAD_BYTES_MAX;
  return { limit: new MessageLimit({ messageBytesMax, onRefused: () => count++ }), refused: () => count };
}

const TOO_LARGE = /^Cannot publish: received a message of 8 bytes, at most 7 are allowed$/;

describe('HsmqPublish', () => {
  it('refuses a message that could not be delivered within the limit of the node', () => {
    for (const Session of [HsmqPublish, HsmqPublishQos0]) {
      const { broker, call } = setUp();
      const { limit, refused } = tightLimit();
      const session = new Session(broker, call, { limit });
      assert.throws(() => session.message(message, 0, message.length), isError('resource-exhausted', TOO_LARGE));
      assert.equal(refused(), 1);
      assert.deepEqual(broker.calls, []);
    }
  });

  it('answers with the id that is delivered, the queue and the shard', () => {
    const { broker, call } = setUp();
    new HsmqPublish(broker, call, UNLIMITED).message(message, 0, message.length);
    const [answer] = call.responses('Publish') as { message_meta: { id: string } }[];
    const record = broker.calls[0][3] as Buffer;
    assert.equal(answer.message_meta.id.replaceAll('-', ''), record.subarray(32, 48).toString('hex'));
    assert.deepEqual(answer, { message_meta: { id: answer.message_meta.id, queue: 'q', shard: 'n/0' } });
    assert.equal(call.finished?.code, 0);
  });

  it('waits for queues of other shards', () => {
    const { broker, call } = setUp();
    broker.waiting = 2;
    const session = new HsmqPublish(broker, call, UNLIMITED);
    session.message(message, 0, message.length);
    session.confirmed(0, PublishResult.accepted, undefined);
    assert.equal(call.out.position, 0);
    session.confirmed(0, PublishResult.duplicate, undefined);
    assert.equal(call.finished?.code, 0);
    assert.equal(call.responses('Publish').length, 1);
  });

  it('refuses a topic without a queue and a full queue', () => {
    const { broker, call } = setUp();
    const session = new HsmqPublish(broker, call, UNLIMITED);
    assert.throws(
      () => session.message(unbound, 0, unbound.length),
      isError('not-found', /^Subscribers for topic nowhere not found$/),
    );
    broker.publishResult = PublishResult.full;
    broker.publishQueue = fakeQueue('q');
    assert.throws(() => session.message(message, 0, message.length), isError('resource-exhausted', /"q" is full/));
    broker.publishResult = PublishResult.accepted;
    broker.waiting = 1;
    session.message(message, 0, message.length);
    session.confirmed(0, PublishResult.noMemory, fakeQueue('q'));
    assert.deepEqual(call.finished, { code: 8, message: 'Queue "q" takes no more: the node is at its memory limit' });
  });

  it('ends with UNAVAILABLE when the node stops, and gives its session back', () => {
    const { broker, call } = setUp();
    const session = new HsmqPublish(broker, call, UNLIMITED);
    session.stop();
    assert.deepEqual(call.finished, { code: 14, message: 'shutdown' });
    session.closed();
    assert.deepEqual(broker.calls, [['close', 5]]);
  });
});

describe('HsmqPublishQos0', () => {
  it('answers with the count of messages at the end of the stream', () => {
    const { broker, call } = setUp();
    const session = new HsmqPublishQos0(broker, call, UNLIMITED);
    for (let count = 0; count < 3; count++) session.message(message, 0, message.length);
    session.end();
    assert.deepEqual(call.responses('PublishQos0'), [{ count: 3 }]);
    assert.deepEqual(
      broker.calls.map((entry) => entry[2]),
      [-1, -1, -1],
    );
  });

  it('ends with NOT_FOUND at a topic without a queue, and with UNAVAILABLE while draining', () => {
    const { broker, call } = setUp();
    const session = new HsmqPublishQos0(broker, call, UNLIMITED);
    assert.throws(() => session.message(unbound, 0, unbound.length), isError('not-found', /nowhere/));
    session.drain();
    assert.throws(() => session.message(message, 0, message.length), isError('unavailable', /^shutdown$/));
  });

  it('stops reading while the rings are full', () => {
    const { broker, call } = setUp();
    const session = new HsmqPublishQos0(broker, call, UNLIMITED);
    session.throttle(true);
    assert.equal(call.paused, true);
    session.throttle(false);
    assert.equal(call.paused, false);
  });
});
