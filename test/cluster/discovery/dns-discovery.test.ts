import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { rm, writeFile } from 'node:fs/promises';
import type { DiscoveryEvent } from '../../../cluster/discovery/discovery.ts';
import { DnsDiscovery } from '../../../cluster/discovery/dns-discovery.ts';
import type { DnsTarget } from '../../../cluster/discovery/dns-seeds.ts';
import { SimRandom } from '../../../cluster/sim/random.ts';
import { a, aaaa, cname, encodeReply, FakeDns, type FakeZone, srv, withResolvConf, zoneOf } from './fake-dns.ts';
import { HandTimer, SeenSeeds } from './hand-timer.ts';

interface Scene {
  readonly dns: FakeDns;
  readonly timer: HandTimer;
  readonly seen: SeenSeeds;
  readonly events: DiscoveryEvent[];
  readonly resolvConfPath: string;
}

interface SceneOptions {
  readonly zone: FakeZone;
  readonly targets?: readonly DnsTarget[];
  readonly lines?: readonly string[];
  /** Nameservers before the fake one. */
  readonly before?: readonly string[];
}

const HOST: DnsTarget = { kind: 'host', name: 'ringmq.test.', port: 4848 };

/** Starts a discovery against a fake nameserver, and hands it over after its first round. */
async function scene(options: SceneOptions, use: (scene: Scene) => Promise<void>): Promise<void> {
  const dns = await FakeDns.start(options.zone);
  const before = (options.before ?? []).map((server) => `nameserver ${server}`);
  const lines = [
    ...before,
    `nameserver [127.0.0.1]:${dns.port}`,
    ...(options.lines ?? ['options timeout:1 attempts:1']),
  ];
  await withResolvConf(lines, async (resolvConfPath) => {
    const [timer, seen, events] = [new HandTimer(), new SeenSeeds(), [] as DiscoveryEvent[]];
    const discovery = new DnsDiscovery({
      targets: options.targets ?? [HOST],
      resolvConfPath,
      report: (event) => events.push(event),
      after: timer.after,
      random: () => 0,
    });
    try {
      discovery.start(seen.take);
      await timer.whenArmed();
      await use({ dns, timer, seen, events, resolvConfPath });
    } finally {
      await discovery.stop();
      await dns.stop();
    }
    assert.equal(timer.armed, false);
  });
}

function pods(count: number): FakeZone {
  return zoneOf(Array.from({ length: count }, (_, index) => a('ringmq.test', `10.0.${index >> 8}.${index & 255}`)));
}

describe('DnsDiscovery', () => {
  it('finds all pods behind a headless service, IPv4 and IPv6, and asks again when the answer expires', async () => {
    const records = [
      a('ringmq.test', '10.0.0.1', 40),
      a('ringmq.test', '10.0.0.2', 12),
      aaaa('ringmq.test', 'fd00::1'),
    ];
    await scene({ zone: zoneOf(records) }, async ({ dns, timer, seen }) => {
      assert.deepEqual(seen.last, ['10.0.0.1 4848', '10.0.0.2 4848', 'fd00::1 4848']);
      assert.deepEqual(timer.delaysMs, [12_000]);
      dns.zone = zoneOf([a('ringmq.test', '10.0.0.3', 600)]);
      await timer.round();
      assert.deepEqual(seen.last, ['10.0.0.3 4848']);
      assert.deepEqual(timer.delaysMs, [12_000, 60_000]);
    });
  });

  it('finds hosts and ports of a service, by addresses that come along or are asked for', async () => {
    const service = '_cluster._tcp.ringmq.test';
    const zone: FakeZone = (query) => {
      if (query.name === service) {
        return {
          answers: [
            srv(service, 'pod-0.ringmq.test', { port: 4848 }),
            srv(service, 'pod-1.ringmq.test', { port: 4849 }),
            srv(service, 'gone.ringmq.test', { port: 1 }),
          ],
          additionals: [a('pod-0.ringmq.test', '10.0.0.1')],
        };
      }
      return zoneOf([a('pod-1.ringmq.test', '10.0.0.2', 8)])(query);
    };
    const targets: DnsTarget[] = [{ kind: 'service', name: '_cluster._tcp.ringmq' }];
    await scene({ zone, targets, lines: ['search test', 'options ndots:5'] }, async ({ dns, timer, seen, events }) => {
      assert.deepEqual(seen.last, ['10.0.0.1 4848', '10.0.0.2 4849']);
      assert.deepEqual(timer.delaysMs, [8_000]);
      assert.deepEqual(events, []);
      const names = new Set(dns.queries.map(({ name }) => name));
      assert.ok(!names.has('pod-0.ringmq.test') && !names.has('pod-1.ringmq.test.test'));
    });
  });

  it('goes through the search domains after a name that is not there, and never after a failure', async () => {
    const targets: DnsTarget[] = [{ kind: 'host', name: 'ringmq', port: 1 }];
    const lines = ['search one.test two.test', 'options ndots:2 attempts:1'];
    const records = zoneOf([a('ringmq.two.test', '10.0.0.1')]);
    await scene({ zone: records, targets, lines }, async ({ dns, timer, seen, events }) => {
      assert.deepEqual(seen.last, ['10.0.0.1 1']);
      dns.zone = (query) => (query.name === 'ringmq.one.test' ? { rcode: 'SERVFAIL' } : records(query));
      dns.queries.length = 0;
      await timer.round();
      assert.deepEqual(seen.last, ['10.0.0.1 1']);
      assert.deepEqual(
        events.map(({ kind }) => kind),
        ['failed'],
      );
      assert.deepEqual([...new Set(dns.queries.map(({ name }) => name))], ['ringmq.one.test']);
    });
  });

  it('asks by TCP what does not fit in a datagram', async () => {
    const zone: FakeZone = async (query) => ({ ...(await pods(900)(query)), truncated: true });
    await scene({ zone }, async ({ dns, seen }) => {
      assert.equal(seen.last?.length, 900);
      assert.deepEqual(new Set(dns.queries.map(({ via }) => via)), new Set(['udp', 'tcp']));
    });
  });

  it('takes a thousand seeds and says that there are more', async () => {
    const zone: FakeZone = async (query) => ({ ...(await pods(1_200)(query)), truncated: true });
    await scene({ zone }, async ({ seen, events }) => {
      assert.equal(seen.last?.length, 1_000);
      assert.deepEqual(events, [{ kind: 'cut', source: 'dns', seeds: 1_200 }]);
    });
  });

  it('keeps the last good answer while nameservers fail, and asks more and more rarely', async () => {
    await scene({ zone: zoneOf([a('ringmq.test', '10.0.0.1', 20)]) }, async ({ dns, timer, seen, events }) => {
      dns.zone = () => ({ rcode: 'SERVFAIL' });
      for (let round = 0; round < 4; round++) await timer.round();
      assert.deepEqual(seen.answers, Array(5).fill(['10.0.0.1 4848']));
      assert.deepEqual(timer.delaysMs, [20_000, 5_000, 10_000, 20_000, 40_000]);
      dns.zone = zoneOf([a('ringmq.test', '10.0.0.2', 20)]);
      await timer.round();
      assert.deepEqual(seen.last, ['10.0.0.2 4848']);
      assert.deepEqual(
        events.map(({ kind }) => kind),
        ['failed', 'recovered'],
      );
      assert.match(JSON.stringify(events[0]), /dns ringmq\.test\..*SERVFAIL/);
    });
  });

  it('adds what half an answer has to the last good one', async () => {
    const records = [a('ringmq.test', '10.0.0.1'), aaaa('ringmq.test', 'fd00::1')];
    await scene({ zone: zoneOf(records) }, async ({ dns, timer, seen }) => {
      dns.zone = (query) => (query.type === 'A' ? { answers: [a('ringmq.test', '10.0.0.2')] } : { rcode: 'SERVFAIL' });
      await timer.round();
      assert.deepEqual(seen.last, ['10.0.0.1 4848', '10.0.0.2 4848', 'fd00::1 4848']);
    });
  });

  it('says when there is nobody by a name, which is an answer', async () => {
    await scene({ zone: zoneOf([a('ringmq.test', '10.0.0.1')]) }, async ({ dns, timer, seen, events }) => {
      dns.zone = () => ({ rcode: 'NXDOMAIN' });
      await timer.round();
      await timer.round();
      assert.deepEqual(seen.answers, [['10.0.0.1 4848'], [], []]);
      assert.deepEqual(events, [{ kind: 'absent', source: 'dns ringmq.test.' }]);
      assert.equal(timer.delaysMs.at(-1), 5_000);
    });
  });

  it('says nothing of seeds before there was an answer', async () => {
    await scene({ zone: () => ({ rcode: 'REFUSED' }) }, async ({ seen, events }) => {
      assert.deepEqual(seen.answers, []);
      assert.equal(events.length, 1);
    });
  });

  it('asks the next nameserver when one refuses, is not there or says nothing', async () => {
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const refusing = await FakeDns.start(() => ({ rcode: 'REFUSED' }));
    const before = [`[127.0.0.1]:${silent.address().port}`, `[127.0.0.1]:${refusing.port}`];
    try {
      await scene({ zone: pods(2), before }, async ({ seen, events }) => {
        assert.deepEqual(seen.last, ['10.0.0.0 4848', '10.0.0.1 4848']);
        assert.deepEqual(events, []);
      });
      await refusing.stop();
      await scene({ zone: pods(1), before: [before[1]] }, async ({ seen }) => {
        assert.deepEqual(seen.last, ['10.0.0.0 4848']);
      });
    } finally {
      silent.close();
    }
  });

  it('asks without extension where a nameserver does not know it', async () => {
    const zone: FakeZone = (query) => (query.extended ? { rcode: 'FORMERR' } : pods(1)(query));
    await scene({ zone }, async ({ seen }) => assert.deepEqual(seen.last, ['10.0.0.0 4848']));
  });

  it('follows aliases over several answers, and not for ever', async () => {
    const records = [cname('ringmq.test', 'a.test', 9), cname('a.test', 'b.test'), a('b.test', '10.0.0.7')];
    await scene({ zone: zoneOf(records) }, async ({ dns, timer, seen, events }) => {
      assert.deepEqual(seen.last, ['10.0.0.7 4848']);
      assert.deepEqual(timer.delaysMs, [9_000]);
      dns.zone = (query) => ({ answers: [cname(query.name, `x.${query.name}`)] });
      await timer.round();
      assert.deepEqual(seen.last, ['10.0.0.7 4848']);
      assert.match(JSON.stringify(events), /aliases of ringmq\.test do not end/);
    });
  });

  it('takes no answer from another address, with another number, or to another question', async () => {
    const forger = createSocket('udp4');
    const forged = [a('ringmq.test', '6.6.6.6')];
    const zone: FakeZone = async (query) => {
      const bytes = encodeReply(query, { answers: forged });
      await new Promise((resolve) => forger.send(bytes, query.port, '127.0.0.1', resolve));
      const before = [
        encodeReply({ ...query, id: query.id ^ 1 }, { answers: forged }),
        encodeReply({ ...query, name: 'other.test' }, { answers: [a('other.test', '6.6.6.6')] }),
        Buffer.from('no answer at all'),
      ];
      return { ...(await pods(1)(query)), before };
    };
    try {
      await scene({ zone }, async ({ seen }) => assert.deepEqual(seen.answers, [['10.0.0.0 4848']]));
    } finally {
      forger.close();
    }
  });

  it('asks from another port with another number each time', async () => {
    await scene({ zone: pods(1) }, async ({ dns, timer }) => {
      for (let round = 0; round < 20; round++) await timer.round();
      assert.ok(new Set(dns.queries.map(({ id }) => id)).size > 30);
      assert.ok(new Set(dns.queries.map(({ port }) => port)).size > 30);
    });
  });

  it('gives up on somebody who guesses', async () => {
    const zone: FakeZone = () => ({ before: Array(50).fill(Buffer.from('guess')), silent: true });
    await scene({ zone }, async ({ events }) => assert.match(JSON.stringify(events), /to other questions/));
  });

  it('survives any bytes by UDP and TCP', async () => {
    const random = new SimRandom(5);
    const zone: FakeZone = (query) => {
      const bytes = encodeReply(query, { answers: [a(query.name, '10.0.0.1')], truncated: random.chance(0.3) });
      for (let flips = random.below(8); flips > 0; flips--)
        bytes[2 + random.below(bytes.length - 2)] = random.below(256);
      return { before: [bytes.subarray(0, random.chance(0.2) ? random.below(bytes.length) : bytes.length)] };
    };
    await scene({ zone }, async ({ timer, seen }) => {
      for (let round = 0; round < 100; round++) await timer.round();
      for (const seeds of seen.answers) for (const seed of seeds) assert.match(seed, /^[0-9a-f.:]+ 4848$/);
    });
  });

  it('reads resolv.conf anew each time, and goes by what it said when it is not there', async () => {
    const other = await FakeDns.start(pods(2));
    await scene({ zone: pods(1) }, async ({ timer, seen, resolvConfPath }) => {
      await writeFile(resolvConfPath, `nameserver [127.0.0.1]:${other.port}\n`);
      await timer.round();
      await rm(resolvConfPath);
      await timer.round();
      assert.deepEqual(
        seen.answers.map(({ length }) => length),
        [1, 2, 2],
      );
      await writeFile(resolvConfPath, '');
    });
    await other.stop();
    const timer = new HandTimer();
    const discovery = new DnsDiscovery({ targets: [], resolvConfPath: '/nowhere/resolv.conf', after: timer.after });
    discovery.start(() => assert.fail('no targets, no seeds'));
    await timer.whenArmed();
    await discovery.stop();
  });

  it('stops in the middle of a question, and says nothing afterwards', async () => {
    const asked = Promise.withResolvers<void>();
    const dns = await FakeDns.start(() => {
      asked.resolve();
      return { silent: true };
    });
    await withResolvConf([`nameserver [127.0.0.1]:${dns.port}`, 'options timeout:30'], async (resolvConfPath) => {
      const events: DiscoveryEvent[] = [];
      const report = (event: DiscoveryEvent): void => void events.push(event);
      const discovery = new DnsDiscovery({ targets: [HOST], resolvConfPath, report });
      discovery.start(() => assert.fail('stopped'));
      await asked.promise;
      await discovery.stop();
      await discovery.stop();
      assert.deepEqual(events, []);
    });
    await dns.stop();
  });

  it('refuses what is no name', () => {
    for (const name of ['', 'a b', 'x..y', 'http://ringmq.test']) {
      assert.throws(() => new DnsDiscovery({ targets: [{ kind: 'service', name }] }), /Cannot find nodes by DNS/);
    }
  });
});
