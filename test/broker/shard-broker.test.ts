import assert from 'node:assert/strict';
import { TimingWheel } from '../../src/base/timing-wheel.ts';
import { UuidSource } from '../../src/base/uuid.ts';
import { LoopTurn } from '../../src/broker/loop-turn.ts';
import type { ShardPeers } from '../../src/broker/ports.ts';
import { RoutingTable } from '../../src/broker/routing-table.ts';
import { ShardBroker } from '../../src/broker/shard-broker.ts';
import { ShardControl } from '../../src/broker/shard-control.ts';
import type { QueueRoute, SessionSink } from '../../src/core/broker-port.ts';
import { Ledger } from '../../src/core/ledger.ts';
import { MessageTable } from '../../src/core/message-table.ts';
import { PublishResult } from '../../src/core/publish-result.ts';
import { type QueueOptions, queueOptions } from '../../src/core/queue-options.ts';
import { RecordMemory, WORD_ID, WORD_SIZE, WORD_TAGS } from '../../src/core/record.ts';

/** The rings of two shards as plain queues: sent envelopes wait until run() hands them over, in order. */
class FakeRings {
  readonly shards: ShardBroker[] = [];
  room = true;
  readonly #waiting: (() => void)[] = [];

  peersOf(from: number): ShardPeers {
    const send = (to: number, words: number[], record: RecordMemory, offset: number): void => {
      const [operation, target, a, b, c, d, e] = words;
      this.#waiting.push(() => this.shards[to].receive(from, operation, target, a, b, c, d, e, record, offset));
    };
    const none = new RecordMemory(new ArrayBuffer(8));
    return {
      post: (to, operation, target, a, b, c, d, e) => send(to, [operation, target, a, b, c, d, e], none, -1),
      postRecord: (to, operation, target, a, b, c, d, e, memory, offset) => {
        const copy = new RecordMemory(new ArrayBuffer(memory.words[offset >> 2]));
        copy.bytes.set(memory.bytes.subarray(offset, offset + memory.words[offset >> 2]));
        send(to, [operation, target, a, b, c, d, e], copy, 0);
      },
      hasRoom: () => this.room,
    };
  }

  run(): void {
    while (this.#waiting.length > 0) this.#waiting.shift()?.();
  }
}

/** A session that remembers what it was told. */
class FakeSession implements SessionSink {
  readonly delivered_: { queue: string; id: number; fetch: number }[] = [];
  readonly confirmed_: [number, number][] = [];
  readonly timedOut: number[] = [];
  throttled = false;

  delivered(queue: QueueRoute, memory: RecordMemory, offset: number, fetch: number): void {
    this.delivered_.push({ queue: queue.name, id: memory.words[(offset >> 2) + WORD_ID], fetch });
  }
  confirmed(publish: number, result: number): void {
    this.confirmed_.push([publish, result]);
  }
  fetchTimedOut(_queue: QueueRoute | undefined, fetch: number): void {
    this.timedOut.push(fetch);
  }
  queueDeleted(): void {}
  throttle(on: boolean): void {
    this.throttled = on;
  }
  drain(): void {}
  stop(): void {}
}

interface TestShard {
  readonly broker: ShardBroker;
  readonly control: ShardControl;
}

function twoShards(...queues: (Partial<QueueOptions> & { name: string; shard: number })[]): {
  rings: FakeRings;
  shards: TestShard[];
} {
  const rings = new FakeRings();
  const placements = queues.map(({ shard, ...options }, index) => ({
    number: index + 1,
    shard,
    options: queueOptions({ topics: [options.name], ...options }),
  }));
  const shards = [0, 1].map((self) => {
    const routes = new RoutingTable();
    const turn = new LoopTurn(() => {});
    const broker = new ShardBroker({
      self,
      routes,
      turn,
      ids: new UuidSource(Int32Array.of(self, 1)),
      onIdle: () => {},
    });
    broker.connect(rings.peersOf(self));
    rings.shards.push(broker);
    const shared = { messages: new MessageTable({}), wheel: new TimingWheel(Date.now()), handler: broker };
    const control = new ShardControl({ self, broker, routes, shared, metaSuffix: () => Buffer.alloc(0) });
    control.create(placements);
    return { broker, control };
  });
  return { rings, shards };
}

/** A record that carries only an id. */
function record(id: number): RecordMemory {
  const memory = new RecordMemory(new ArrayBuffer(64));
  memory.words[WORD_SIZE] = 64;
  memory.words[WORD_TAGS] = 0;
  memory.words[WORD_ID] = id;
  return memory;
}

function publish(broker: ShardBroker, session: number, topic: string, id: number): number {
  const route = broker.topic(topic);
  assert.ok(route);
  return broker.publish(session, id, route, record(id));
}

function queueOf(broker: ShardBroker, name: string): QueueRoute {
  const queue = broker.queue(name);
  assert.ok(queue);
  return queue;
}

function assertBalanced(shards: readonly TestShard[]): void {
  for (const { control } of shards) {
    for (const { ledger } of control.queues(undefined))
      assert.equal(Object.assign(new Ledger(), ledger).imbalance(ledger), 0);
  }
}

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
      broker.requeue(queueOf(broker, 'q'), Int32Array.of(2, 0, 0, 0), 0);
      broker.ack(queueOf(broker, 'q'), Int32Array.of(1, 0, 0, 0), 0);
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
    shards[0].broker.room();
    assert.equal(session.throttled, false);
  });

  it('pours no more into a full ring than one message a consumer, and goes on when it has room', () => {
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
    shards[1].broker.room();
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
    broker.requeue(queueOf(broker, 'q'), Int32Array.of(1, 0, 0, 0), 0);
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

  it('shows messages without taking them, and moves ready ones to another queue', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 0 }, { name: 'r', shard: 1 });
    for (const id of [1, 2]) publish(shards[0].broker, -1, 'q', id);
    assert.deepEqual(
      shards[0].control.peek(1, 10).map(({ state }) => state),
      ['ready', 'ready'],
    );
    assert.deepEqual(shards[0].control.requeue(1, 'r'), { moved: 2 });
    rings.run();
    assert.equal(shards[1].control.peek(2, 10).length, 2);
    assertBalanced(shards);
  });
});
