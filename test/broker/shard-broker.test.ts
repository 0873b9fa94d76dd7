import assert from 'node:assert/strict';
import { PublishResult } from '../../src/core/publish-result.ts';
import { assertBalanced, FakeSession, publish, queueOf, twoShards } from './two-shards.ts';

describe('ShardBroker', () => {
  it('answers a publish to a queue of the same shard at once', () => {
    const { shards } = twoShards({ name: 'here', shard: 0 });
    const session = new FakeSession();
    const number = shards[0].broker.open(session);
    assert.equal(publish(shards[0].broker, number, 'here', 1), 0);
    assert.equal(shards[0].broker.publishResult, PublishResult.accepted);
    assertBalanced(shards);
  });

  it('confirms a publish to a queue of another shard when its owner took it', () => {
    const { rings, shards } = twoShards({ name: 'there', shard: 1 });
    const session = new FakeSession();
    const number = shards[0].broker.open(session);
    assert.equal(publish(shards[0].broker, number, 'there', 7), 1);
    assert.deepEqual(session.confirmed_, []);
    rings.run();
    assert.deepEqual(session.confirmed_, [[7, PublishResult.accepted]]);
    assertBalanced(shards);
  });

  for (const consumerShard of [0, 1]) {
    it(`delivers from a queue on shard 1 to a consumer on shard ${consumerShard}, and settles by id`, () => {
      const { rings, shards } = twoShards({ name: 'q', shard: 1 });
      const { broker } = shards[consumerShard];
      const session = new FakeSession();
      const number = broker.open(session);
      broker.subscribe(number, queueOf(broker, 'q'), 2);
      rings.run();
      for (const id of [1, 2, 3]) publish(shards[0].broker, -1, 'q', id);
      rings.run();
      assert.deepEqual(
        session.delivered_.map(({ id }) => id),
        [1, 2],
      );
      broker.requeue(number, queueOf(broker, 'q'), Int32Array.of(2, 0, 0, 0), 0);
      broker.ack(number, queueOf(broker, 'q'), Int32Array.of(1, 0, 0, 0), 0);
      rings.run();
      assert.deepEqual(
        session.delivered_.map(({ id }) => id),
        [1, 2, 2, 3],
      );
      assertBalanced(shards);
    });

    it(`takes back what a session on shard ${consumerShard} held when it closes`, () => {
      const { rings, shards } = twoShards({ name: 'q', shard: 1 });
      const { broker } = shards[consumerShard];
      const session = new FakeSession();
      const number = broker.open(session);
      broker.subscribe(number, queueOf(broker, 'q'), 10);
      rings.run();
      publish(shards[1].broker, -1, 'q', 1);
      rings.run();
      broker.close(number);
      rings.run();
      const [snapshot] = shards[1].control.queues(undefined);
      assert.deepEqual([snapshot.ledger.ready, snapshot.ledger.inFlight, snapshot.consumers], [1, 0, 0]);
      assertBalanced(shards);
    });

    it(`answers a fetch from shard ${consumerShard} with a message or a time-out`, () => {
      const { rings, shards } = twoShards({ name: 'q', shard: 1 });
      const { broker } = shards[consumerShard];
      const session = new FakeSession();
      const number = broker.open(session);
      broker.fetch(number, queueOf(broker, 'q'), 4, 0);
      rings.run();
      publish(shards[1].broker, -1, 'q', 1);
      broker.fetch(number, queueOf(broker, 'q'), 5, 0);
      rings.run();
      assert.deepEqual([session.timedOut, session.delivered_], [[4], [{ queue: 'q', id: 1, fetch: 5 }]]);
    });
  }

  it('gives one message to every queue of its topic, and waits only for those elsewhere', () => {
    const { rings, shards } = twoShards(
      { name: 'a', shard: 0, topics: ['t'] },
      { name: 'b', shard: 1, topics: ['t'] },
      { name: 'c', shard: 1, topics: ['t'] },
    );
    const session = new FakeSession();
    assert.equal(publish(shards[0].broker, shards[0].broker.open(session), 't', 1), 2);
    rings.run();
    assert.equal(session.confirmed_.length, 2);
    const ready = shards.flatMap(({ control }) => control.queues(undefined)).map(({ ledger }) => ledger.ready);
    assert.deepEqual(ready, [1, 1, 1]);
  });

  it('stops the sessions that feed a full ring, and lets them go on when there is room', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 1 });
    const session = new FakeSession();
    const number = shards[0].broker.open(session);
    rings.room = false;
    publish(shards[0].broker, number, 'q', 1);
    assert.equal(session.throttled, true);
    rings.room = true;
    shards[0].broker.exchange.room(1);
    assert.equal(session.throttled, false);
  });

  it('pours no more into a full ring than one message, and goes on when it has room', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 1 });
    const session = new FakeSession();
    const { broker } = shards[0];
    const number = broker.open(session);
    for (let id = 1; id <= 10; id++) publish(shards[1].broker, -1, 'q', id);
    rings.room = false;
    broker.subscribe(number, queueOf(broker, 'q'), 100);
    rings.run();
    assert.equal(session.delivered_.length, 1);
    // What it asks for meanwhile counts when there is room.
    broker.subscribe(number, queueOf(broker, 'q'), 5);
    rings.run();
    assert.equal(session.delivered_.length, 1);
    rings.room = true;
    shards[1].broker.exchange.room(0);
    rings.run();
    assert.deepEqual(
      session.delivered_.map(({ id }) => id),
      [1, 2, 3, 4, 5],
    );
    broker.close(number);
    rings.run();
    assert.equal(shards[1].control.queues(undefined)[0].ledger.ready, 10);
    assertBalanced(shards);
  });

  it('takes no consumer and no fetch of a session that has ended', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 0 }, { name: 'r', shard: 1 });
    const { broker } = shards[0];
    const number = broker.open(new FakeSession());
    broker.close(number);
    for (const name of ['q', 'r']) {
      broker.subscribe(number, queueOf(broker, name), 5);
      broker.fetch(number, queueOf(broker, name), 1, 1000);
    }
    rings.run();
    const users = shards
      .flatMap(({ control }) => control.queues(undefined))
      .map((queue) => queue.consumers + queue.fetches);
    assert.deepEqual(users, [0, 0]);
  });

  it('moves a dead letter to its queue on another shard', () => {
    const { rings, shards } = twoShards(
      { name: 'q', shard: 0, maxDeliveries: 1, deadLetterQueue: 'dead' },
      { name: 'dead', shard: 1 },
    );
    const { broker } = shards[0];
    const number = broker.open(new FakeSession());
    broker.subscribe(number, queueOf(broker, 'q'), 1);
    publish(broker, -1, 'q', 1);
    broker.requeue(number, queueOf(broker, 'q'), Int32Array.of(1, 0, 0, 0), 0);
    rings.run();
    const [source] = shards[0].control.queues(undefined);
    const [dead] = shards[1].control.queues(undefined);
    assert.deepEqual([source.ledger.deadLettered, dead.ledger.ready], [1, 1]);
    assertBalanced(shards);
  });

  it('answers for a queue that is gone', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 1 });
    const session = new FakeSession();
    const number = shards[0].broker.open(session);
    publish(shards[0].broker, number, 'q', 1);
    shards[1].control.delete(1, 'always');
    rings.run();
    assert.deepEqual(session.confirmed_, [[1, PublishResult.gone]]);
  });

  it('deletes under a condition only when it holds', () => {
    const { shards } = twoShards({ name: 'q', shard: 0 });
    const { broker, control } = shards[0];
    broker.subscribe(broker.open(new FakeSession()), queueOf(broker, 'q'), 1);
    assert.throws(() => control.delete(1, 'if-unused'), /it has 1 consumers/);
    publish(broker, -1, 'q', 1);
    assert.throws(() => control.delete(1, 'if-empty'), /it holds 1 messages/);
    assert.deepEqual(control.delete(1, 'always'), { purged: 1 });
  });

  it('shows messages without taking them, and moves ready ones to another queue', async () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 0 }, { name: 'r', shard: 1 });
    for (const id of [1, 2]) publish(shards[0].broker, -1, 'q', id);
    assert.deepEqual(
      shards[0].control.peek(1, 10).map(({ state }) => state),
      ['ready', 'ready'],
    );
    const moving = shards[0].control.requeue(1, 'r');
    rings.run();
    assert.deepEqual(await moving, { moved: 2 });
    assert.equal(shards[1].control.peek(2, 10).length, 2);
    assertBalanced(shards);
  });
});
