import assert from 'node:assert/strict';
import { packControl, unpackControl } from '../../../cluster/link/control-codec.ts';
import type { QueueRecord } from '../../../cluster/routes/queue-record.ts';
import { InterestKind } from '../../../cluster/routes/route-entry.ts';
import type { RouteSizes } from '../../../cluster/routes/route-log.ts';
import type { RouteMessage } from '../../../cluster/routes/route-message.ts';
import { Routes } from '../../../cluster/routes/routes.ts';

interface Sent {
  readonly from: string;
  readonly to: string;
  readonly message: RouteMessage;
}

/** Two nodes whose messages wait until they are delivered. */
class Pair {
  readonly sent: Sent[] = [];
  nowMs = 1_000;
  a: Routes;
  b: Routes;
  readonly #sizes: Partial<RouteSizes>;

  constructor(sizes: Partial<RouteSizes> = {}) {
    this.#sizes = sizes;
    this.a = this.start('a', 1);
    this.b = this.start('b', 1);
    this.link();
  }

  start(self: string, incarnation: number): Routes {
    const send = (to: string, message: RouteMessage): void => {
      this.sent.push({ from: self, to, message });
    };
    const port = { send, barrierDone: () => {} };
    return new Routes({ self, incarnation, random: () => 0.5, port, sizes: this.#sizes });
  }

  link(): void {
    this.a.peerUp('b', this.nowMs);
    this.b.peerUp('a', this.nowMs);
    this.deliver();
  }

  cut(): void {
    this.a.peerDown('b');
    this.b.peerDown('a');
    this.sent.length = 0;
  }

  deliver(): void {
    for (let next = this.sent.shift(); next !== undefined; next = this.sent.shift()) {
      const to = next.to === 'a' ? this.a : this.b;
      to.receive(next.from, unpackControl(packControl(next.message)), this.nowMs);
    }
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.a.tick(this.nowMs);
    this.b.tick(this.nowMs);
    this.deliver();
  }

  subscribe(filter: string, shard = 0): void {
    this.a.subscribe({ space: '', filter, kind: 'session', shard }, this.nowMs);
  }

  unsubscribe(filter: string, shard = 0): void {
    this.a.unsubscribe({ space: '', filter, kind: 'session', shard }, this.nowMs);
  }

  /** What b knows of a for a topic. */
  found(topic: string): number {
    return this.b.match('', topic).length;
  }
}

function record(name: string, epoch: number): QueueRecord {
  const options = new Map<string, string | number | boolean>([
    ['durable', true],
    ['limit', 2 ** 40],
  ]);
  return { name, number: 3, shard: 1, epoch, topics: ['t/1', 't/2'], prefetchCount: 100, options };
}

describe('routes', () => {
  it('publishes the first holder of a filter after 5 ms, and further ones not at all', () => {
    const pair = new Pair();
    pair.subscribe('x');
    assert.equal(pair.found('x'), 0);
    pair.pass(5);
    assert.equal(pair.found('x'), 1);
    const { seq } = pair.a.head;
    pair.subscribe('x');
    pair.unsubscribe('x');
    pair.pass(1_000);
    assert.equal(pair.a.head.seq, seq);
  });

  it('keeps interest for 500 ms after its last holder, and a holder that returns is no news', () => {
    const pair = new Pair();
    pair.subscribe('x');
    pair.pass(5);
    pair.unsubscribe('x');
    pair.pass(499);
    assert.equal(pair.found('x'), 1);
    pair.subscribe('x');
    pair.pass(1_000);
    assert.equal(pair.a.head.seq, 1);
    pair.unsubscribe('x');
    pair.pass(500);
    pair.pass(5);
    assert.equal(pair.found('x'), 0);
    assert.equal(pair.a.figures.entries, 0);
  });

  it('tells kinds, shards above 31 too, and members of shared subscriptions', () => {
    const pair = new Pair();
    pair.subscribe('x', 1);
    for (const shard of [40, 40, 0]) {
      pair.a.subscribe({ space: '', filter: 'x', kind: 'shared', shard }, pair.nowMs);
    }
    pair.pass(5);
    const kinds = InterestKind.session | InterestKind.shared;
    assert.deepEqual(pair.b.interest('a', '', 'x'), { kinds, weight: 3, shardsLow: 3, shardsHigh: 256 });
    pair.unsubscribe('x', 1);
    pair.pass(500);
    pair.pass(5);
    assert.deepEqual(pair.b.interest('a', '', 'x'), { kinds: 4, weight: 3, shardsLow: 1, shardsHigh: 256 });
  });

  it('keeps spaces apart', () => {
    const pair = new Pair();
    pair.a.subscribe({ space: 'one', filter: '#', kind: 'queue', shard: 0 }, pair.nowMs);
    pair.pass(5);
    assert.equal(pair.b.match('one', 'x').length, 1);
    assert.equal(pair.b.match('two', 'x').length, 0);
  });

  it('tells the queues that a node runs, whole, and takes the higher epoch of two claims', () => {
    const pair = new Pair();
    pair.a.own(record('q', 7), pair.nowMs);
    pair.pass(5);
    const claim = pair.b.owner('q');
    assert.equal(claim?.target.origin, 'a');
    assert.deepEqual(claim?.record, record('q', 7));
    pair.b.peerUp('c', pair.nowMs);
    pair.sent.length = 0;
    const frame = (epoch: number, s: number): object => {
      return { t: 'route', o: 'c', i: 1, s, ops: ['qq', [1, 0, epoch, 1, [], []]] };
    };
    pair.b.receive('c', frame(6, 1) as Record<string, unknown>, pair.nowMs);
    assert.equal(pair.b.owner('q')?.target.origin, 'a');
    pair.b.receive('c', frame(8, 2) as Record<string, unknown>, pair.nowMs);
    assert.equal(pair.b.owner('q')?.target.origin, 'c');
    pair.a.disown('q', pair.nowMs);
    pair.b.left('c');
    pair.pass(5);
    assert.equal(pair.b.owner('q'), undefined);
  });

  it('parks the routes of a dead node, and drops them after 15 minutes', () => {
    const pair = new Pair();
    pair.subscribe('x');
    pair.pass(5);
    pair.cut();
    assert.equal(pair.b.match('', 'x')[0].isParked, false, 'a link that is gone says nothing');
    pair.b.dead('a', pair.nowMs);
    assert.equal(pair.b.match('', 'x')[0].isParked, true);
    pair.nowMs += 15 * 60_000 - 1;
    pair.b.tick(pair.nowMs);
    assert.equal(pair.found('x'), 1);
    pair.nowMs += 300;
    pair.b.tick(pair.nowMs);
    assert.equal(pair.found('x'), 0);
    assert.equal(pair.b.figures.origins, 0);
  });

  it('a dead node that comes back is not parked; what its earlier start wanted is gone', () => {
    const pair = new Pair();
    pair.subscribe('old');
    pair.pass(5);
    pair.cut();
    pair.b.dead('a', pair.nowMs);
    pair.a = pair.start('a', 2);
    pair.subscribe('new');
    pair.pass(5);
    pair.link();
    assert.equal(pair.found('old'), 0);
    assert.equal(pair.b.match('', 'new')[0].isParked, false);
    assert.equal(pair.b.match('', 'new')[0].incarnation, 2);
  });

  it('a start without any routes replaces what an earlier one had', () => {
    const pair = new Pair();
    pair.subscribe('old');
    pair.pass(5);
    pair.cut();
    pair.a = pair.start('a', 2);
    pair.link();
    assert.equal(pair.found('old'), 0);
  });

  it('a snapshot replaces the table only when it is whole', () => {
    const pair = new Pair({ opsPerFrameMax: 2, ringOpsMax: 2 });
    for (let index = 0; index < 40; index++) pair.subscribe(`first/${index}`);
    pair.pass(5);
    pair.cut();
    for (let index = 0; index < 40; index++) pair.subscribe(`second/${index}`);
    for (let index = 0; index < 40; index++) pair.unsubscribe(`first/${index}`);
    pair.pass(600);
    pair.pass(5);
    pair.a.peerUp('b', pair.nowMs);
    pair.b.peerUp('a', pair.nowMs);
    let steps = 0;
    for (let next = pair.sent.shift(); next !== undefined; next = pair.sent.shift()) {
      (next.to === 'a' ? pair.a : pair.b).receive(next.from, { ...next.message }, pair.nowMs);
      const [first, second] = [pair.found('first/0'), pair.found('second/39')];
      assert.equal(first + second, 1, 'the old table or the new one');
      steps++;
    }
    assert.ok(steps > 20, 'it took many chunks');
    assert.equal(pair.b.figures.snapshots, 1);
    assert.deepEqual(pair.b.replicaHead('a'), pair.a.head);
  });

  it('above a number of exact filters a summary takes their place, below it they return', () => {
    const pair = new Pair({ summaryAbove: 100, summaryBelow: 50 });
    for (let index = 0; index < 101; index++) pair.subscribe(`f/${index}`);
    pair.subscribe('g/+');
    pair.pass(5);
    assert.equal(pair.b.figures.exactFilters, 0);
    assert.equal(pair.b.figures.wildcards, 1);
    for (let index = 0; index < 101; index++) assert.equal(pair.found(`f/${index}`), 1);
    assert.equal(pair.found('f/none'), 0);
    for (let index = 0; index < 60; index++) pair.unsubscribe(`f/${index}`);
    pair.pass(500);
    pair.pass(5);
    assert.equal(pair.b.figures.exactFilters, 41);
    for (let index = 0; index < 101; index++) assert.equal(pair.found(`f/${index}`), index < 60 ? 0 : 1);
    assert.equal(pair.a.figures.entries, 42);
  });

  it('a head that is ahead for a while is followed by a pull', () => {
    const pair = new Pair();
    pair.subscribe('x');
    pair.a.tick(pair.nowMs + 5);
    pair.sent.length = 0;
    pair.b.heads([pair.a.head], pair.nowMs);
    pair.pass(100);
    assert.equal(pair.found('x'), 0);
    pair.pass(300);
    assert.equal(pair.found('x'), 1);
    assert.equal(pair.b.figures.routeRepairs, 0);
  });

  it('finds a silent difference within 60 s even without heads', () => {
    const pair = new Pair();
    pair.subscribe('x');
    pair.a.tick(pair.nowMs + 5);
    const frame = pair.sent[0].message as Extract<RouteMessage, { t: 'route' }>;
    pair.sent[0] = { ...pair.sent[0], message: { ...frame, ops: ['i\0y', [1, 0, 1]] } };
    pair.deliver();
    assert.equal(pair.found('y'), 1);
    for (let passedMs = 0; passedMs < 60_000; passedMs += 200) pair.pass(200);
    assert.deepEqual([pair.found('x'), pair.found('y')], [1, 0]);
    assert.equal(pair.b.figures.routeRepairs, 1);
  });
});
