import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseResolvConf } from '../../../cluster/discovery/resolv-conf.ts';

describe('parseResolvConf()', () => {
  it('reads what Kubernetes gives a pod', () => {
    const text = [
      'search default.svc.cluster.local svc.cluster.local cluster.local',
      'nameserver 10.96.0.10',
      'options ndots:5',
    ].join('\n');
    assert.deepEqual(parseResolvConf(text), {
      nameservers: [{ host: '10.96.0.10', port: 53 }],
      search: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
      ndots: 5,
      timeoutMs: 2000,
      attempts: 2,
    });
  });

  it('passes over comments, unknown lines and what is no address', () => {
    const text =
      '# a\n; b\nsortlist 1.2.3.4\nnameserver x\nnameserver ::1 # c\r\n\tnameserver\t9.9.9.9\noptions rotate';
    const hosts = parseResolvConf(text).nameservers.map(({ host }) => host);
    assert.deepEqual(hosts, ['::1', '9.9.9.9']);
  });

  it('asks the machine itself when no nameserver is named', () => {
    assert.deepEqual(parseResolvConf('').nameservers, [{ host: '127.0.0.1', port: 53 }]);
  });

  it('takes three nameservers and six search domains, and the last search or domain', () => {
    const many = Array.from({ length: 9 }, (_, index) => `nameserver 10.0.0.${index}`).join('\n');
    assert.equal(parseResolvConf(many).nameservers.length, 3);
    assert.equal(parseResolvConf('search a b c d e f g h').search.length, 6);
    assert.deepEqual(parseResolvConf('search a b\ndomain c d').search, ['c']);
    assert.deepEqual(parseResolvConf('domain c\nsearch .a. .').search, ['a']);
  });

  it('brings numbers into their bounds', () => {
    const { ndots, timeoutMs, attempts } = parseResolvConf('options ndots:99 timeout:9999 attempts:0 ndots:x');
    assert.deepEqual({ ndots, timeoutMs, attempts }, { ndots: 15, timeoutMs: 30_000, attempts: 1 });
    assert.equal(parseResolvConf('options timeout:0').timeoutMs, 1000);
  });

  it('reads a port in the form of OpenBSD', () => {
    const text = 'nameserver [127.0.0.1]:5300\nnameserver [::1]:99\nnameserver [::1]:99999';
    assert.deepEqual(parseResolvConf(text).nameservers, [
      { host: '127.0.0.1', port: 5300 },
      { host: '::1', port: 99 },
    ]);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseResolvConf(`options ${text}\nnameserver ${text}`)));
  });
});
