import assert from 'node:assert/strict';
import { RoutingTable, type ShardQueueRoute } from '../../src/broker/routing-table.ts';

function route(number: number, name: string, topics: string[]): ShardQueueRoute {
  return {
    number,
    name,
    topics,
    shard: 0,
    prefetchCount: 1,
    metaSuffix: Buffer.alloc(0),
    actor: undefined,
    held: undefined,
  };
}

describe('RoutingTable', () => {
  it('finds a queue by name, by number and by each of its topics', () => {
    const table = new RoutingTable();
    const a = route(1, 'a', ['t', 'u']);
    const b = route(2, 'b', ['t']);
    table.add(a);
    table.add(b);
    assert.equal(table.name('a'), a);
    assert.equal(table.number(2), b);
    assert.deepEqual(table.topic('t')?.queues, [a, b]);
    assert.deepEqual(table.topic('u')?.queues, [a]);
    assert.equal(table.topic('v'), undefined);
  });

  it('changes its version with every change, and leaves routes that were handed out as they were', () => {
    const table = new RoutingTable();
    table.add(route(1, 'a', ['t']));
    const before = table.topic('t');
    const version = table.version;
    table.add(route(2, 'b', ['t']));
    assert.notEqual(table.version, version);
    assert.equal(before?.queues.length, 1);
    table.remove(1);
    table.remove(2);
    assert.equal(table.topic('t'), undefined);
    assert.equal(table.queueCount, 0);
    assert.equal(table.remove(2), undefined);
  });
});
