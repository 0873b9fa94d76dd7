import assert from 'node:assert/strict';
import { candidateNames, isDnsName } from '../../../cluster/discovery/dns-name.ts';

describe('DNS names', () => {
  it('are letters, digits, - and _ in labels of up to 63 bytes, 253 in all', () => {
    const good = ['a', 'a.b.', '_cluster._tcp.ringmq.default.svc.cluster.local', '10.0.0.1', 'x'.repeat(63)];
    for (const name of good) assert.ok(isDnsName(name), name);
    const long = Array.from({ length: 5 }, () => 'x'.repeat(60)).join('.');
    const bad = ['', '.', '..', 'a..b', '.a', 'a b', 'ü.test', 'a\u0000b', 'a\nb', 'x'.repeat(64), long];
    for (const name of bad) assert.ok(!isDnsName(name), JSON.stringify(name));
  });

  it('with few dots are meant within a search domain first, as Kubernetes has it', () => {
    const search = ['default.svc.cluster.local', 'svc.cluster.local'];
    assert.deepEqual(candidateNames('ringmq', { search, ndots: 5 }), [
      'ringmq.default.svc.cluster.local',
      'ringmq.svc.cluster.local',
      'ringmq',
    ]);
    assert.deepEqual(candidateNames('Ringmq.test', { search, ndots: 1 }), [
      'ringmq.test',
      'ringmq.test.default.svc.cluster.local',
      'ringmq.test.svc.cluster.local',
    ]);
  });

  it('with a dot at the end are complete', () => {
    assert.deepEqual(candidateNames('ringmq.', { search: ['test'], ndots: 5 }), ['ringmq']);
  });

  it('that a search domain would make too long are left out', () => {
    const search = [Array.from({ length: 4 }, () => 'y'.repeat(62)).join('.')];
    assert.deepEqual(candidateNames('ringmq', { search, ndots: 1 }), ['ringmq']);
  });
});
