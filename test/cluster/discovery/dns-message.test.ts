import assert from 'node:assert/strict';
import { decode, encode } from 'dns-packet';
import fc from 'fast-check';
import { type DnsQuery, encodeQuery, readAnswer } from '../../../cluster/discovery/dns-message.ts';
import { SimRandom } from '../../../cluster/sim/random.ts';
import { a, aaaa, cname, encodeReply, type FakeReply, soa, srv } from './fake-dns.ts';

const QUERY: DnsQuery = { id: 4711, name: 'ringmq.test', type: 'A', extended: true };

function answerTo(query: DnsQuery, reply: FakeReply) {
  return readAnswer(encodeReply({ ...query }, reply), query);
}

describe('DNS messages', () => {
  it('ask one question, wish for recursion and say how much fits', () => {
    const packet = decode(encodeQuery(QUERY));
    assert.equal(packet.id, 4711);
    assert.equal(packet.flag_rd, true);
    assert.deepEqual(packet.questions, [{ name: 'ringmq.test', type: 'A', class: 'IN' }]);
    assert.equal(packet.additionals?.[0].type, 'OPT');
    assert.deepEqual(decode(encodeQuery({ ...QUERY, extended: false })).additionals, []);
  });

  it('give the records of the name asked for, and the shortest time that one of them holds', () => {
    const answers = [a('RingMQ.test', '10.0.0.1', 30), a('ringmq.test', '10.0.0.2', 7), a('other.test', '10.9.9.9', 1)];
    assert.deepEqual(answerTo(QUERY, { answers }), {
      kind: 'records',
      records: ['10.0.0.1', '10.0.0.2'].map((host) => ({ kind: 'address', host })),
      ttlS: 7,
      addresses: new Map(),
    });
  });

  it('follow aliases within an answer, in whatever order they stand', () => {
    const answers = [a('c.test', '10.0.0.1', 60), cname('b.test', 'c.test', 9), cname('ringmq.test', 'b.test', 20)];
    const answer = answerTo(QUERY, { answers });
    assert.ok(answer.kind === 'records' && answer.records.length === 1);
    assert.equal(answer.ttlS, 9);
  });

  it('name the alias when nothing is said of what is behind it, and nothing when it is said to be nothing', () => {
    const answers = [cname('ringmq.test', 'b.test', 20)];
    assert.deepEqual(answerTo(QUERY, { answers }), { kind: 'alias', target: 'b.test', ttlS: 20 });
    const authorities = [soa('test', { ttl: 50, minimum: 10 })];
    assert.deepEqual(answerTo(QUERY, { answers, authorities }), { kind: 'empty', ttlS: 10 });
  });

  it('fail when aliases go round, or do not end', () => {
    const round = [cname('ringmq.test', 'b.test'), cname('b.test', 'ringmq.test')];
    assert.equal(answerTo(QUERY, { answers: round }).kind, 'failed');
    const names = ['ringmq.test', ...Array.from({ length: 12 }, (_, index) => `n${index}.test`)];
    const long = names.slice(1).map((name, index) => cname(names[index], name));
    assert.equal(answerTo(QUERY, { answers: long }).kind, 'failed');
  });

  it('tell a name that is not there from a nameserver that cannot say', () => {
    const authorities = [soa('test', { ttl: 20, minimum: 300 })];
    assert.deepEqual(answerTo(QUERY, { rcode: 'NXDOMAIN', authorities }), { kind: 'absent', ttlS: 20 });
    assert.deepEqual(answerTo(QUERY, { rcode: 'NXDOMAIN' }), { kind: 'absent', ttlS: undefined });
    assert.deepEqual(answerTo(QUERY, { rcode: 'SERVFAIL' }), { kind: 'failed', reason: 'SERVFAIL' });
    assert.deepEqual(answerTo(QUERY, { rcode: 'REFUSED' }), { kind: 'failed', reason: 'REFUSED' });
    assert.deepEqual(answerTo(QUERY, {}), { kind: 'empty', ttlS: undefined });
  });

  it('give the hosts of services, with addresses that came along, and none for a service that is closed', () => {
    const query: DnsQuery = { ...QUERY, name: '_cluster._tcp.ringmq.test', type: 'SRV' };
    const answers = [
      srv(query.name, 'Pod-0.ringmq.test', { port: 4848 }),
      srv(query.name, '.', { port: 1 }),
      srv(query.name, 'pod-1.ringmq.test', { port: 0 }),
    ];
    const additionals = [a('pod-0.ringmq.test', '10.0.0.1'), aaaa('pod-0.ringmq.test', 'fd00::1')];
    assert.deepEqual(answerTo(query, { answers, additionals }), {
      kind: 'records',
      records: [{ kind: 'service', target: 'pod-0.ringmq.test', port: 4848, priority: 0 }],
      ttlS: 30,
      addresses: new Map([['pod-0.ringmq.test', ['10.0.0.1', 'fd00::1']]]),
    });
  });

  it('are no answers when the number, the name, the type or the direction is another', () => {
    const reply = { answers: [a('ringmq.test', '10.0.0.1')] };
    const strays = [
      encodeReply({ ...QUERY, id: 4712 }, reply),
      encodeReply({ ...QUERY, name: 'ringmq2.test' }, reply),
      encodeReply({ ...QUERY, type: 'AAAA' }, reply),
      encode({ type: 'query', id: QUERY.id, questions: [{ type: 'A', name: QUERY.name }] }),
      encode({ type: 'response', id: QUERY.id, questions: [], answers: reply.answers }),
      Buffer.alloc(0),
      Buffer.alloc(11),
    ];
    for (const bytes of strays) assert.deepEqual(readAnswer(bytes, QUERY), { kind: 'stray' });
  });

  it('hold for no time when their time is absurd [RFC 2181, 8]', () => {
    const answer = answerTo(QUERY, { answers: [a('ringmq.test', '10.0.0.1', 2 ** 31)] });
    assert.ok(answer.kind === 'records' && answer.ttlS === 0);
  });

  it('never throw, whatever bytes come, and give addresses that are addresses', () => {
    const query: DnsQuery = { ...QUERY, name: '_cluster._tcp.ringmq.test', type: 'SRV' };
    const answers = [srv(query.name, 'pod-0.ringmq.test', { port: 1 }), cname(query.name, 'x.test')];
    const additionals = [a('pod-0.ringmq.test', '10.0.0.1'), aaaa('x.test', 'fd00::1')];
    const authorities = [soa('test', { ttl: 1, minimum: 1 })];
    const valid = encodeReply({ ...query }, { answers, additionals, authorities });
    const random = new SimRandom(20);
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(valid.subarray(0, round % 3 === 0 ? random.below(valid.length) : valid.length));
      for (let flips = random.below(6); flips > 0 && bytes.length > 4; flips--) {
        bytes[2 + random.below(bytes.length - 2)] = random.below(256);
      }
      const answer = readAnswer(bytes, query);
      if (answer.kind !== 'records') continue;
      for (const record of answer.records) {
        assert.ok(record.kind === 'service' && /^[a-z0-9._-]+$/.test(record.target) && record.port > 0);
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => void readAnswer(Buffer.from(bytes), QUERY)));
  });
});
