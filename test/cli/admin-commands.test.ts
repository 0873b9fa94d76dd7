import assert from 'node:assert/strict';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { BrokerError } from '../../src/base/errors.ts';
import { FakeView, queueInfo } from '../admin/fake-view.ts';
import { type Ran, ringmq } from './ringmq.ts';

const silentLog = { event: () => {}, warn: () => {}, error: () => {} };

describe('queue and ledger', function () {
  this.timeout(60_000);
  let view: FakeView;
  let server: AdminServer;
  let env: Record<string, string>;

  async function start(authorize?: (authorization: string | undefined) => void): Promise<void> {
    view = new FakeView(
      queueInfo({ name: 'a', topics: ['t'] }, { accepted: 1234, ready: 1234 }),
      queueInfo({ name: 'b/c' }),
      queueInfo({ name: 'bad\u001b[31m' }),
    );
    server = new AdminServer({ view, log: silentLog, authorize });
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    env = { RINGMQ_ADMIN: `http://127.0.0.1:${port}` };
  }

  afterEach(() => server.close());

  const run = (...args: string[]): Promise<Ran> => ringmq(args, { env });

  it('list shows a table without control characters, and says what it left out', async () => {
    await start();
    const { code, stdout } = await run('queue', 'list');
    const [head, first] = stdout.split('\n');
    assert.equal(code, 0);
    assert.match(head, /^queue +shard +ready +in flight +delayed +consumers +accepted +acked +state$/);
    assert.match(first, /^a +0 +1,234 /);
    assert.ok(!stdout.includes('\u001b'));
    assert.match((await run('queue', 'list', '--limit', '1')).stderr, /1 of 3 queues are shown/);
  });

  it('list --json has the total and the queues, by prefix', async () => {
    await start();
    const { total, queues } = JSON.parse((await run('queue', 'list', '--prefix', 'b', '--json')).stdout);
    assert.deepEqual([total, queues.map(({ name }: { name: string }) => name)], [2, ['b/c', 'bad\u001b[31m']]);
  });

  it('show prints a queue, whatever its name holds', async () => {
    await start();
    assert.match((await run('queue', 'show', 'b/c')).stdout, /^name +b\/c$/m);
    const shown = JSON.parse((await run('queue', 'show', 'a', '--json')).stdout);
    assert.deepEqual([shown.name, shown.options.topics, shown.ledger.ready], ['a', ['t'], 1234]);
  });

  it('declare sends what was given, in the units of the admin port, and nothing else', async () => {
    await start();
    const given = [
      '--topics',
      'x,y',
      '--limit',
      '5',
      '--ack-timeout',
      '1m',
      '--idle-ttl',
      '500ms',
      '--overflow',
      'block',
    ];
    const { code, stdout } = await run('queue', 'declare', 'new', ...given);
    assert.deepEqual([code, stdout], [0, 'Queue "new" is declared, bound to topics x, y\n']);
    const declared = {
      name: 'new',
      topics: ['x', 'y'],
      limit: 5,
      ackTimeoutMs: 60_000,
      idleTtlMs: 500,
      overflow: 'block',
    };
    assert.deepEqual(view.calls, [['declare', declared]]);
  });

  it('a declaration that is in conflict is exit code 1, with the text of the node', async () => {
    await start();
    const { code, stderr } = await run('queue', 'declare', 'a', '--limit', '7');
    assert.deepEqual([code, stderr], [1, 'ringmq: Cannot declare queue "a": it exists\n']);
  });

  it('purge, pause, resume, requeue and delete tell what they did', async () => {
    await start();
    assert.equal((await run('queue', 'purge', 'a')).stdout, 'Queue "a" is purged of 1234 messages\n');
    assert.equal((await run('queue', 'pause', 'a')).stdout, 'Queue "a" is paused\n');
    assert.equal((await run('queue', 'resume', 'a')).stdout, 'Queue "a" is resumed\n');
    assert.deepEqual(JSON.parse((await run('queue', 'requeue', 'a', '--to', 'b/c', '--json')).stdout), { moved: 2 });
    assert.deepEqual(view.calls.at(-1), ['requeue', 'a', { to: 'b/c' }]);
    assert.equal((await run('queue', 'delete', 'a', '--if-empty')).code, 1);
    assert.equal((await run('queue', 'delete', 'a')).stdout, 'Queue "a" is deleted with 1234 messages\n');
    assert.equal((await run('queue', 'delete', 'a')).code, 4);
  });

  it('peek prints bodies as they are', async () => {
    await start();
    assert.match((await run('queue', 'peek', 'a')).stdout, /ready +1 +0 +2023-11-14T22:13:20.000Z +hello/);
    const { messages } = JSON.parse((await run('queue', 'peek', 'a', '--json')).stdout);
    assert.deepEqual(Object.keys(messages[0]).sort(), [
      'attempts',
      'headers',
      'id',
      'key',
      'priority',
      'publishMs',
      'state',
      'text',
      'topic',
    ]);
  });

  it('ledger shows every queue and the total, and ends with exit code 1 when it does not balance', async () => {
    await start();
    const good = await run('ledger');
    assert.equal(good.code, 0);
    assert.match(good.stdout, /^\(total\) +1,234 /m);
    view.byName.set('a', { ...queueInfo({ name: 'a' }), imbalance: 2 });
    const broken = await run('ledger', '--json');
    assert.deepEqual([broken.code, JSON.parse(broken.stdout).balanced], [1, false]);
    assert.equal(broken.stderr, 'ringmq: The ledger does not balance: 2 messages are nowhere\n');
  });

  it('no node is exit code 3, no token 5', async () => {
    await start((authorization) => {
      if (authorization !== 'Bearer right') throw new BrokerError('unauthenticated', 'The token is not valid');
    });
    assert.equal((await run('ledger')).code, 5);
    assert.equal((await run('ledger', '--token', 'right')).code, 0);
    await server.close();
    const gone = await run('ledger');
    assert.equal(gone.code, 3);
    assert.match(gone.stderr, /^ringmq: Cannot connect to the admin port http:\/\/127\.0\.0\.1:\d+: ECONNREFUSED\n$/);
  });
});
