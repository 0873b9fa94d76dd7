import assert from 'node:assert/strict';
import { ConsulClient } from '../../../cluster/discovery/consul-client.ts';
import { ConsulDiscovery } from '../../../cluster/discovery/consul-discovery.ts';
import type { DiscoveryEvent } from '../../../cluster/discovery/discovery.ts';
import { FakeConsul } from './fake-consul.ts';
import { HandTimer, SeenSeeds } from './hand-timer.ts';

describe('ConsulDiscovery', () => {
  let consul: FakeConsul;
  let timer: HandTimer;
  let seen: SeenSeeds;
  let events: DiscoveryEvent[];
  let discovery: ConsulDiscovery;

  beforeEach(async () => {
    consul = await FakeConsul.start();
    [timer, seen, events] = [new HandTimer(), new SeenSeeds(), []];
    discovery = new ConsulDiscovery({
      client: new ConsulClient({ address: consul.address, token: 'b1gs33cr3t' }),
      service: 'queues',
      report: (event) => events.push(event),
      after: timer.after,
      random: () => 0,
    });
  });

  afterEach(async () => {
    await discovery.stop();
    await consul.stop();
    assert.equal(timer.armed, false);
    assert.ok(!JSON.stringify(events).includes('b1gs33cr3t'));
  });

  /** The first answer, and then a request that waits for the next. */
  async function startAndWait(): Promise<void> {
    discovery.start(seen.take);
    await timer.whenArmed();
    timer.fire();
    await consul.until(() => consul.waiting === 1);
  }

  it('gives the instances that pass, and waits for a change of them', async () => {
    consul.add('n1', { address: '10.0.0.1', port: 1 });
    consul.add('n2', { address: '10.0.0.2', port: 2, status: 'critical' });
    consul.add('n3', { port: 3 });
    consul.add('x', { address: '10.0.0.9', port: 9, name: 'other' });
    await startAndWait();
    assert.deepEqual(seen.answers, [['10.0.0.1 1', '10.1.1.1 3']]);
    consul.add('n4', { address: '10.0.0.4', port: 4 });
    await timer.whenArmed();
    assert.deepEqual(seen.last, ['10.0.0.1 1', '10.0.0.4 4', '10.1.1.1 3']);
    assert.deepEqual(
      consul.requests.map(({ query }) => query.get('index')),
      [null, '14'],
    );
    assert.deepEqual(
      [consul.requests[1].query.get('wait'), consul.requests[1].query.has('passing')],
      ['55000ms', true],
    );
    assert.ok(timer.delaysMs.every((delayMs) => delayMs >= 0 && delayMs <= 1_000));
    assert.deepEqual(events, []);
  });

  it('begins anew when the index goes backwards, as after a restore', async () => {
    consul.add('n1', { address: '10.0.0.1', port: 1 });
    await startAndWait();
    consul.index = 2;
    consul.change();
    await timer.round();
    assert.deepEqual(
      consul.requests.map(({ query }) => query.get('index')),
      [null, '11', null],
    );
    timer.fire();
    await consul.until(() => consul.waiting === 1);
    assert.equal(consul.requests.at(-1)?.query.get('index'), '3');
  });

  it('asks now and then where there is no index', async () => {
    consul.answer = () => ({ status: 200, body: '[]', headers: { 'x-consul-index': '0' } });
    discovery.start(seen.take);
    await timer.whenArmed();
    await timer.round();
    assert.deepEqual(timer.delaysMs, [5_000, 5_000]);
    assert.ok(consul.requests.every(({ query }) => !query.has('index')));
  });

  it('keeps quiet about seeds while Consul fails, tells of it once, and tries more and more rarely', async () => {
    consul.add('n1', { address: '10.0.0.1', port: 1 });
    discovery.start(seen.take);
    await timer.whenArmed();
    const broken = [
      { status: 500, body: 'No cluster leader' },
      { status: 200, body: '<html>' },
      { status: 429, body: 'slow down' },
    ];
    consul.answer = () => broken[consul.requests.length % broken.length];
    for (let round = 0; round < 6; round++) await timer.round();
    assert.deepEqual(timer.delaysMs.slice(1), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000]);
    assert.equal(seen.answers.length, 1);
    consul.answer = () => undefined;
    await timer.round();
    assert.deepEqual(seen.answers, [['10.0.0.1 1'], ['10.0.0.1 1']]);
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['failed', 'recovered'],
    );
    // Not waited for: another server may have answered, with an index of its own.
    assert.equal(consul.requests.at(-1)?.query.has('index'), false);
  });

  it('says when there is nobody, once, and when there are too many', async () => {
    await startAndWait();
    consul.change();
    await timer.whenArmed();
    assert.deepEqual(seen.answers, [[], []]);
    assert.deepEqual(events, [{ kind: 'absent', source: 'consul queues' }]);
    for (let port = 1; port <= 1_100; port++) consul.add(`n${port}`, { address: '10.0.0.1', port });
    await timer.round();
    assert.equal(seen.last?.length, 1_000);
    assert.deepEqual(events.at(-1), { kind: 'cut', source: 'consul queues', seeds: 1_100 });
  });

  it('stops in the middle of a wait, and says nothing afterwards', async () => {
    await startAndWait();
    events.length = 0;
    await discovery.stop();
    await discovery.stop();
    await consul.until(() => consul.waiting === 0);
    assert.equal(seen.answers.length, 1);
    assert.deepEqual(events, []);
  });
});
