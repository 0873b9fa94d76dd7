import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FakeSession, publish, queueOf, type TestShard } from '../../broker/two-shards.ts';
import { FakeClusterOfNodes } from './fake-cluster.ts';

/** A session that acks what it gets. */
interface Client {
  readonly shard: TestShard;
  readonly session: FakeSession;
  readonly number: number;
  acked: number;
}

function open(shard: TestShard): Client {
  const session = new FakeSession();
  return { shard, session, number: shard.broker.open(session), acked: 0 };
}

function ack(client: Client): boolean {
  const { shard, session, number } = client;
  if (client.acked >= session.delivered_.length) return false;
  const { id } = session.delivered_[client.acked++];
  shard.broker.ack(number, queueOf(shard.broker, 'q'), Int32Array.of(id, 0, 0, 0), 0);
  return true;
}

function ledger(cluster: FakeClusterOfNodes): Record<string, number> {
  const [owner] = cluster.ownerOf('q');
  const found = cluster.node(owner).shards.flatMap(({ control }) => control.queues(undefined));
  assert.equal(found.length, 1);
  return { ...found[0].ledger };
}

const NODES = ['a', 'b', 'c'];

describe('a queue of another node', () => {
  it('takes publishes, acks and fetches of sessions that know nothing of nodes', () => {
    const cluster = new FakeClusterOfNodes(NODES, [{ name: 'q' }]);
    cluster.place('q', 'a');
    const publisher = open(cluster.node('b').shards[0]);
    const consumer = open(cluster.node('c').shards[1]);
    const { broker } = consumer.shard;
    broker.subscribe(consumer.number, queueOf(broker, 'q'), 2);
    cluster.run();
    for (const id of [1, 2, 3]) publish(publisher.shard.broker, publisher.number, 'q', id);
    cluster.run();
    assert.deepEqual(
      publisher.session.confirmed_.map(([number]) => number),
      [1, 2, 3],
    );
    assert.deepEqual(
      consumer.session.delivered_.map(({ id }) => id),
      [1, 2],
    );
    ack(consumer);
    cluster.run();
    broker.close(consumer.number);
    cluster.run();
    const fetcher = open(cluster.node('b').shards[1]);
    fetcher.shard.broker.fetch(fetcher.number, queueOf(fetcher.shard.broker, 'q'), 7, 0);
    cluster.run();
    assert.deepEqual(fetcher.session.delivered_, [{ queue: 'q', id: 2, fetch: 7 }]);
    const { acked, ready, inFlight } = ledger(cluster);
    assert.deepEqual([acked, ready, inFlight], [1, 1, 1]);
  });

  it('gives back what a node held that dies, and gives up what it had blocked', () => {
    const cluster = new FakeClusterOfNodes(NODES, [{ name: 'q', limit: 2, overflow: 'block' }]);
    cluster.place('q', 'a');
    const consumer = open(cluster.node('b').shards[0]);
    const publisher = open(cluster.node('b').shards[1]);
    for (const id of [1, 2, 3, 4]) publish(publisher.shard.broker, publisher.number, 'q', id);
    cluster.run();
    consumer.shard.broker.subscribe(consumer.number, queueOf(consumer.shard.broker, 'q'), 1);
    cluster.run();
    cluster.kill('b');
    cluster.run();
    const { ready, inFlight, blocked } = ledger(cluster);
    assert.deepEqual([ready, inFlight, blocked], [3, 0, 0]);
  });

  it('moves with its messages, its consumers and its blocked publishers', () => {
    const cluster = new FakeClusterOfNodes(NODES, [{ name: 'q', limit: 3, overflow: 'block' }]);
    cluster.place('q', 'a');
    const consumers = NODES.map((id) => open(cluster.node(id).shards[0]));
    const publisher = open(cluster.node('c').shards[1]);
    for (const { shard, number } of consumers) shard.broker.subscribe(number, queueOf(shard.broker, 'q'), 1);
    cluster.run();
    for (let id = 1; id <= 8; id++) publish(publisher.shard.broker, publisher.number, 'q', id);
    cluster.run();
    const before = ledger(cluster);
    assert.ok(cluster.move('q', 'b'));
    cluster.run();
    assert.deepEqual(cluster.ownerOf('q'), ['b']);
    assert.deepEqual([cluster.node('a').said.at(-1), cluster.node('b').said.at(-1)], ['released q', 'owned q']);
    assert.deepEqual(ledger(cluster), before);
    while (consumers.some(ack)) cluster.run();
    assert.equal(ledger(cluster).acked, 8);
    assert.equal(publisher.session.confirmed_.length, 8);
  });

  it('at any moment of any traffic moves without a loss, a repetition or a change of order', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('publish' as const), by: fc.nat(5) }) },
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('run' as const), picks: fc.array(fc.nat(20)) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), to: fc.nat(2) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('ack' as const) }) },
    );
    fc.assert(
      fc.property(fc.nat(5), fc.array(step, { maxLength: 100, size: 'max' }), (where, steps) => {
        const cluster = new FakeClusterOfNodes(NODES, [{ name: 'q' }]);
        cluster.place('q', 'a');
        const shards = NODES.flatMap((id) => cluster.node(id).shards);
        const publishers = shards.map(open);
        const consumer = open(shards[where]);
        consumer.shard.broker.subscribe(consumer.number, queueOf(consumer.shard.broker, 'q'), 3);
        let count = 0;
        let atOnce = 0;
        for (const given of steps) {
          if (given.kind === 'publish') {
            const { shard, number } = publishers[given.by];
            if (publish(shard.broker, number, 'q', 6 * count++ + given.by) === 0) atOnce++;
          } else if (given.kind === 'run') for (const pick of given.picks) cluster.step(pick);
          else if (given.kind === 'move') cluster.move('q', NODES[given.to]);
          else ack(consumer);
        }
        cluster.run();
        while (ack(consumer)) cluster.run();
        const ids = consumer.session.delivered_.map(({ id }) => id);
        assert.equal(ids.length, count);
        for (let by = 0; by < 6; by++) {
          const own = ids.filter((id) => id % 6 === by);
          assert.deepEqual(
            own,
            [...own].sort((a, b) => a - b),
            `publisher ${by}`,
          );
        }
        assert.equal(cluster.ownerOf('q').length, 1);
        assert.deepEqual([ledger(cluster).acked, ledger(cluster).accepted], [count, count]);
        assert.equal(
          publishers.reduce((sum, { session }) => sum + session.confirmed_.length, 0),
          count - atOnce,
        );
      }),
      { numRuns: Number(process.env.RINGMQ_MOVE_RUNS ?? 100), endOnFailure: true },
    );
  });
});
