import assert from 'node:assert/strict';
import fc from 'fast-check';
import { consulRetryMs, healthPath, nextIndex, readHealth } from '../../../cluster/discovery/consul-health.ts';

describe('Consul health', () => {
  it('is asked for at once first, and then from the last index on', () => {
    assert.equal(healthPath('queues', 0), '/v1/health/service/queues?passing=true');
    assert.equal(healthPath('a/b?c', 7), '/v1/health/service/a%2Fb%3Fc?passing=true&index=7&wait=55000ms');
  });

  it('goes on from an index, and begins anew when it went backwards or is none', () => {
    const table: [number, string | null, number][] = [
      [0, '5', 5],
      [5, '5', 5],
      [5, '9', 9],
      [9, '5', 0],
      [9, null, 0],
      [9, '', 0],
      [9, '-1', 0],
      [9, '1e9', 0],
      [9, '99999999999999999999', 0],
    ];
    for (const [index, header, next] of table) assert.equal(nextIndex(index, header), next, `${index} ${header}`);
  });

  it('has the address of the agent where a service has none', () => {
    const entries = [
      { Node: { Address: '10.0.0.1' }, Service: { Address: '', Port: 1 } },
      { Node: { Address: '10.0.0.1' }, Service: { Address: 'n2.test', Port: 2 } },
      { Node: { Address: 'fd00::1' }, Service: { Port: 3 } },
    ];
    assert.deepEqual(readHealth(JSON.stringify(entries)), [
      { host: '10.0.0.1', port: 1 },
      { host: 'n2.test', port: 2 },
      { host: 'fd00::1', port: 3 },
    ]);
  });

  it('passes over what has no address in it', () => {
    const entries: unknown[] = [null, 1, [], {}, { Service: null }, { Service: { Address: 'n1' } }];
    for (const Port of [0, -1, 1.5, 65_536, '80', null]) entries.push({ Service: { Address: 'n1', Port } });
    for (const Address of ['a b', 'x..y', 7, {}, 'http://n1']) entries.push({ Service: { Address, Port: 1 } });
    assert.deepEqual(readHealth(JSON.stringify(entries)), []);
  });

  it('is no list, or a list of addresses, and never an exception', () => {
    for (const text of ['', '{}', 'null', '"x"', '[', '<html>']) assert.equal(readHealth(text), undefined);
    fc.assert(fc.property(fc.json(), (text) => void readHealth(text)));
    fc.assert(fc.property(fc.string(), (text) => void readHealth(text)));
  });

  it('is asked for more and more rarely after errors, at random', () => {
    assert.deepEqual(
      [1, 2, 3, 5, 6, 99].map((failures) => consulRetryMs(failures, 0)),
      [1_000, 2_000, 4_000, 16_000, 30_000, 30_000],
    );
    assert.equal(consulRetryMs(99, 0.5), 22_500);
  });
});
