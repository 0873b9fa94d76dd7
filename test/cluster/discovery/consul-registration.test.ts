import assert from 'node:assert/strict';
import { ConsulClient } from '../../../cluster/discovery/consul-client.ts';
import { type ConsulHealth, ConsulRegistration } from '../../../cluster/discovery/consul-registration.ts';
import { type ConsulCheck, consulCheckOf } from '../../../cluster/discovery/consul-service.ts';
import type { DiscoveryEvent } from '../../../cluster/discovery/discovery.ts';
import { FakeConsul } from './fake-consul.ts';
import { HandTimer } from './hand-timer.ts';

const HTTP = consulCheckOf({ name: 'alive', http: 'http://n1/health' });

describe('ConsulRegistration', () => {
  let consul: FakeConsul;
  let timer: HandTimer;
  let events: DiscoveryEvent[];

  beforeEach(async () => {
    consul = await FakeConsul.start();
    [timer, events] = [new HandTimer(), []];
  });

  afterEach(async () => {
    await consul.stop();
    assert.equal(timer.armed, false);
    assert.ok(!JSON.stringify(events).includes('b1gs33cr3t'));
  });

  function registration(check: ConsulCheck, health?: () => ConsulHealth): ConsulRegistration {
    return new ConsulRegistration({
      client: new ConsulClient({ address: consul.address, token: 'b1gs33cr3t' }),
      service: { name: 'queues', id: 'queues/1', address: 'n1', port: 4848, tags: [], check },
      health,
      report: (event) => events.push(event),
      after: timer.after,
      random: () => 0,
    });
  }

  function paths(): string[] {
    return consul.requests.map(({ method, path }) => `${method} ${path.replace('/v1/agent/', '')}`);
  }

  it('registers a node, looks whether it is still there, and takes it out when it leaves', async () => {
    const shown = registration(HTTP);
    shown.start();
    await timer.whenArmed();
    assert.equal(consul.services.get('queues/1')?.body.Port, 4848);
    await timer.round();
    assert.deepEqual(timer.delaysMs, [30_000, 30_000]);
    await Promise.all([shown.stop(), shown.stop()]);
    assert.equal(consul.services.size, 0);
    assert.deepEqual(paths(), ['PUT service/register', 'GET service/queues/1', 'PUT service/deregister/queues/1']);
    assert.ok(consul.requests.every(({ token }) => token === 'b1gs33cr3t'));
    assert.deepEqual(events, []);
  });

  it('registers it again when its agent has forgotten it', async () => {
    const shown = registration(HTTP);
    shown.start();
    await timer.whenArmed();
    consul.services.clear();
    await timer.round();
    assert.equal(consul.services.size, 1);
    await shown.stop();
  });

  it('tells how it is three times in the time to live, and registers again where the check is not known', async () => {
    let status: ConsulHealth['status'] = 'passing';
    const shown = registration(consulCheckOf({ name: 'alive' }), () => ({ status, output: 'x' }));
    shown.start();
    await timer.round();
    assert.deepEqual(timer.delaysMs, [5_000, 5_000]);
    assert.equal(consul.services.get('queues/1')?.status, 'passing');
    status = 'critical';
    await timer.round();
    assert.equal(consul.services.get('queues/1')?.status, 'critical');
    assert.deepEqual(consul.requests.at(-1)?.body, { Status: 'critical', Output: 'x' });
    consul.services.clear();
    await timer.round();
    assert.equal(consul.services.size, 1);
    consul.answer = ({ path }) => (path.includes('/check/') ? { status: 500, body: 'Unknown check' } : undefined);
    await timer.round();
    assert.equal(paths().at(-1), 'PUT service/register');
    assert.deepEqual(events, []);
    await shown.stop();
  });

  it('tries more and more rarely while Consul fails, and tells of it once', async () => {
    consul.answer = () => ({ status: 503, body: 'b1gs33cr3t is a fine token' });
    const shown = registration(HTTP);
    shown.start();
    await timer.whenArmed();
    for (let round = 0; round < 3; round++) await timer.round();
    assert.deepEqual(timer.delaysMs, [1_000, 2_000, 4_000, 8_000]);
    consul.answer = () => undefined;
    await timer.round();
    assert.equal(consul.services.size, 1);
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['failed', 'recovered'],
    );
    await shown.stop();
  });

  it('waits for its registration before it takes itself out', async () => {
    const shown = registration(HTTP);
    shown.start();
    await shown.stop();
    assert.deepEqual(paths(), ['PUT service/register', 'PUT service/deregister/queues/1']);
    assert.equal(consul.services.size, 0);
  });

  it('leaves all the same when Consul does not answer, and has nothing to leave before its start', async () => {
    const shown = registration(HTTP);
    shown.start();
    await timer.whenArmed();
    consul.answer = () => ({ status: 500, body: 'no' });
    await shown.stop();
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['failed'],
    );
    await registration(HTTP).stop();
    assert.equal(consul.requests.length, 2);
  });
});
