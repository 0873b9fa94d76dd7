import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { assembleRecord } from '../../src/session/hsmq-record.ts';
import { HsmqSubscribe } from '../../src/session/hsmq-subscribe.ts';
import { RequestDecoder } from '../../src/wire/hsmq/request-decoder.ts';
import { encodeMessage, method } from '../wire/hsmq/hsmq-proto.ts';
import { FakeBroker, FakeCall, fakeQueue } from './fakes.ts';

function open(...queues: string[]): { broker: FakeBroker; call: FakeCall; session: HsmqSubscribe } {
  const broker = new FakeBroker();
  broker.queues.set('q', fakeQueue('q'));
  const call = new FakeCall();
  const session = new HsmqSubscribe(broker, call);
  const request = method('SubscribeQueue').requestSerialize({ queues });
  session.message(request, 0, request.length);
  return { broker, call, session };
}

function deliver({ broker, session }: ReturnType<typeof open>, text: string): void {
  const bytes = encodeMessage({ topic: text });
  const decoder = new RequestDecoder();
  decoder.decodeMessage(bytes, 0, bytes.length);
  session.delivered(fakeQueue('q'), assembleRecord(broker, decoder, bytes), 0);
}

describe('HsmqSubscribe', () => {
  it('acks messages only when they have been handed to the socket, each once', async () => {
    const setup = open('q', 'q');
    deliver(setup, 'a');
    deliver(setup, 'b');
    await setImmediate();
    deliver(setup, 'c');
    await setImmediate();
    assert.deepEqual(setup.call.responses('SubscribeQueue'), [
      { message: { topic: 'a' } },
      { message: { topic: 'b' } },
      { message: { topic: 'c' } },
    ]);
    assert.deepEqual(setup.broker.calls, [['subscribe', 'q', 512]]);
    setup.call.flushed();
    assert.deepEqual(
      setup.broker.calls.slice(1),
      [1, 2, 3].map((id) => ['ack', 'q', id, 0, 0, 0]),
    );
  });

  it('holds its queues while the client does not read, and goes on after', () => {
    const setup = open('q');
    setup.call.congested = true;
    deliver(setup, 'a');
    deliver(setup, 'b');
    setup.call.congested = false;
    setup.session.drained();
    assert.deepEqual(setup.broker.calls, [
      ['subscribe', 'q', 512],
      ['subscribe', 'q', 0],
      ['subscribe', 'q', 512],
    ]);
  });

  it('refuses an unknown queue and an empty list', () => {
    assert.throws(() => open('q', 'x'), /queue "x" not found/);
    assert.throws(() => open(), /received no queue/);
  });

  it('ends when its queue is deleted and when the node stops; redirects while it drains', () => {
    const setup = open('q');
    setup.call.metadata.redirect = 'u';
    setup.session.drain();
    assert.deepEqual(setup.call.responses('SubscribeQueue'), [{ redirect: { grpc_uri: 'u' } }]);
    setup.session.queueDeleted(fakeQueue('q'));
    assert.deepEqual(setup.call.finished, { code: 5, message: 'Queue "q" was deleted' });
    const other = open('q');
    other.session.stop();
    assert.deepEqual(other.call.finished, { code: 14, message: 'shutdown' });
  });
});
