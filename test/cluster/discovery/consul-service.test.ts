import assert from 'node:assert/strict';
import { type ConsulService, consulCheckOf, registrationOf } from '../../../cluster/discovery/consul-service.ts';

const SERVICE: ConsulService = { name: 'queues', id: 'queues-1', address: 'localhost', port: 4848, tags: ['staging'] };

describe('Consul service', () => {
  it("is registered as hsmq's section says", () => {
    const check = consulCheckOf({ name: 'alive', interval: '10s', grpc: 'localhost:4848' });
    assert.deepEqual(registrationOf({ ...SERVICE, check }), {
      ID: 'queues-1',
      Name: 'queues',
      Tags: ['staging'],
      Address: 'localhost',
      Port: 4848,
      Check: {
        CheckID: 'service:queues-1',
        Name: 'alive',
        Status: 'passing',
        GRPC: 'localhost:4848',
        Interval: '10s',
      },
    });
  });

  it('needs a name alone', () => {
    assert.deepEqual(registrationOf({ name: 'q', id: 'q', tags: [] }), { ID: 'q', Name: 'q', Tags: [] });
  });

  it('is checked by gRPC before HTTP, and tells of itself where it has neither', () => {
    const both = { name: 'alive', http: 'http://n1/health', grpc: 'n1:4848' };
    assert.deepEqual(consulCheckOf(both), { kind: 'grpc', name: 'alive', interval: '10s', target: 'n1:4848' });
    const http = consulCheckOf({ ...both, grpc: undefined, interval: '1m30s' });
    const { Check } = registrationOf({ ...SERVICE, check: http, forgetAfter: '10m' });
    assert.deepEqual(Check, {
      CheckID: 'service:queues-1',
      Name: 'alive',
      Status: 'passing',
      HTTP: 'http://n1/health',
      Interval: '1m30s',
      DeregisterCriticalServiceAfter: '10m',
    });
    const ttl = registrationOf({ ...SERVICE, check: consulCheckOf({ name: 'alive' }) }).Check;
    assert.deepEqual(ttl, { CheckID: 'service:queues-1', Name: 'alive', Status: 'passing', TTL: '15000ms' });
  });

  it('is refused with times that Consul would refuse, and without a name', () => {
    for (const interval of ['', '10', 's', '10 s', '10x', '-1s']) {
      const check = consulCheckOf({ name: 'alive', interval, http: 'http://n1' });
      assert.throws(() => registrationOf({ ...SERVICE, check }), /interval: received/);
    }
    assert.throws(() => registrationOf({ ...SERVICE, forgetAfter: 'soon' }), /time to forget: received "soon"/);
    assert.throws(() => registrationOf({ ...SERVICE, id: '' }), /name and id/);
  });
});
