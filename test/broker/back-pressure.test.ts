import assert from 'node:assert/strict';
import { BLOCKED_PUBLISHES_MAX } from '../../src/base/limits.ts';
import { PublishResult } from '../../src/core/publish-result.ts';
import { assertBalanced, FakeSession, ledgerOf, publish, queueOf, twoShards } from './two-shards.ts';

describe('ShardBroker under back-pressure', () => {
  it('delivers to a fetch over a full ring one message, and the others when it has room, in order', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 1 });
    const session = new FakeSession();
    const { broker } = shards[0];
    const number = broker.open(session);
    for (let id = 1; id <= 10; id++) publish(shards[1].broker, -1, 'q', id);
    rings.room = false;
    for (let fetch = 0; fetch < 8; fetch++)
      broker.fetch(number, queueOf(broker, 'q'), fetch, fetch % 2 === 0 ? 0 : 9e5);
    rings.run();
    assert.equal(session.delivered_.length, 1);
    assert.deepEqual(session.timedOut, []);
    rings.room = true;
    shards[1].broker.exchange.room(0);
    rings.run();
    assert.deepEqual(
      session.delivered_.map(({ id, fetch }) => [id, fetch]),
      Array.from({ length: 8 }, (_, index) => [index + 1, index]),
    );
    assertBalanced(shards);
  });

  it('answers fetches that wanted an answer at once when the ring has room, also with nothing', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 1 });
    const session = new FakeSession();
    const { broker } = shards[0];
    const number = broker.open(session);
    publish(shards[1].broker, -1, 'q', 1);
    rings.room = false;
    for (const fetch of [1, 2, 3]) broker.fetch(number, queueOf(broker, 'q'), fetch, 0);
    rings.run();
    rings.room = true;
    shards[1].broker.exchange.room(0);
    rings.run();
    assert.deepEqual([session.delivered_.length, session.timedOut], [1, [2, 3]]);
  });

  it('serves consumers of its own shard while the ring to another one is full', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 1 });
    const [far, near] = [new FakeSession(), new FakeSession()];
    shards[0].broker.subscribe(shards[0].broker.open(far), queueOf(shards[0].broker, 'q'), 100);
    shards[1].broker.subscribe(shards[1].broker.open(near), queueOf(shards[1].broker, 'q'), 100);
    rings.run();
    rings.room = false;
    for (let id = 1; id <= 20; id++) publish(shards[1].broker, -1, 'q', id);
    rings.run();
    assert.deepEqual([far.delivered_.length, near.delivered_.length], [1, 19]);
    assertBalanced(shards);
  });

  it('reads a session no further whose acks, subscriptions and fetches fill a ring', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 1 });
    const { broker } = shards[0];
    const queue = queueOf(broker, 'q');
    const asks = [
      (number: number) => broker.subscribe(number, queue, 1),
      (number: number) => broker.ack(number, queue, Int32Array.of(1, 2, 3, 4), 0),
      (number: number) => broker.requeue(number, queue, Int32Array.of(1, 2, 3, 4), 0),
      (number: number) => broker.fetch(number, queue, 1, 0),
    ];
    for (const ask of asks) {
      const session = new FakeSession();
      const number = broker.open(session);
      rings.room = false;
      ask(number);
      assert.equal(session.throttled, true);
      rings.room = true;
      broker.exchange.room(1);
      assert.equal(session.throttled, false);
    }
  });

  it('gives up the blocked publishes of a session that ends', () => {
    for (const publisher of [0, 1]) {
      const { rings, shards } = twoShards({ name: 'q', shard: 1, limit: 1, overflow: 'block' });
      const { broker } = shards[publisher];
      const number = broker.open(new FakeSession());
      for (const id of [1, 2, 3]) publish(broker, number, 'q', id);
      rings.run();
      assert.equal(ledgerOf(shards, 'q').blocked, 2);
      broker.close(number);
      rings.run();
      const { ready, blocked, rejectedFull } = ledgerOf(shards, 'q');
      assert.deepEqual([ready, blocked, rejectedFull], [1, 0, 2]);
      assertBalanced(shards);
    }
  });

  it('gives up a blocked publish whose session ended before the queue could say that it is blocked', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 1, limit: 1, overflow: 'block' });
    const { broker } = shards[0];
    const number = broker.open(new FakeSession());
    for (const id of [1, 2]) publish(broker, number, 'q', id);
    broker.close(number);
    rings.run();
    const { ready, blocked } = ledgerOf(shards, 'q');
    assert.deepEqual([ready, blocked], [1, 0]);
    assertBalanced(shards);
  });

  it('confirms a blocked publish once, when it gets in', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 1, limit: 1, overflow: 'block' });
    const session = new FakeSession();
    const { broker } = shards[0];
    const number = broker.open(session);
    for (const id of [1, 2]) publish(broker, number, 'q', id);
    rings.run();
    assert.deepEqual(session.confirmed_, [[1, PublishResult.accepted]]);
    broker.fetch(number, queueOf(broker, 'q'), 1, 0);
    rings.run();
    assert.deepEqual(session.confirmed_, [
      [1, PublishResult.accepted],
      [2, PublishResult.accepted],
    ]);
    assertBalanced(shards);
  });

  it('refuses a publish when a full queue keeps enough others waiting', () => {
    const { shards } = twoShards({ name: 'q', shard: 0, limit: 1, overflow: 'block' });
    const { broker } = shards[0];
    const number = broker.open(new FakeSession());
    for (let id = 0; id <= BLOCKED_PUBLISHES_MAX; id++) publish(broker, number, 'q', id);
    assert.equal(broker.publishResult, PublishResult.accepted);
    publish(broker, number, 'q', BLOCKED_PUBLISHES_MAX + 1);
    assert.equal(broker.publishResult, PublishResult.full);
    assert.equal(ledgerOf(shards, 'q').blocked, BLOCKED_PUBLISHES_MAX);
    assertBalanced(shards);
  });

  it('counts an unconfirmed publish that finds its queue deleted on another shard', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 1 });
    publish(shards[0].broker, -1, 'q', 1);
    shards[1].control.delete(1, 'always');
    rings.run();
    assert.equal(shards[1].broker.counters.publishesLost, 1);
  });
});
