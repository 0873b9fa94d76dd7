import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { NodeProcess, type NodeProcessOptions } from '../e2e/support/node-process.ts';
import { until } from '../e2e/support/until.ts';
import { type Ran, Ringmq, ringmq } from './ringmq.ts';

const TOML = `
[[queues]]
name = "q"
topics = ["t"]

[prometheus]
url = "/prometheus"
labels = { zone = "north" }
`;

describe('the command line and a node', function () {
  this.timeout(120_000);
  let node: NodeProcess;
  let env: Record<string, string>;

  before(async () => {
    node = await NodeProcess.start({ toml: TOML, shards: 2 });
    env = { RINGMQ_ADDRESS: node.address, RINGMQ_ADMIN: `127.0.0.1:${node.adminPort}` };
  });
  after(() => node.stop());

  const run = (...args: string[]): Promise<Ran> => ringmq(args, { env });

  it('serve says in one line where it listens, and that it is on loopback only', async () => {
    const { address, adminPort } = node;
    await until(() => node.output.includes('RingMQ '), 'the line');
    assert.match(
      node.output,
      new RegExp(
        `^RingMQ .* serves gRPC on ${address} and admin on http://127.0.0.1:${adminPort}, on loopback only`,
        'm',
      ),
    );
  });

  it('what is published is peeked at, consumed and balanced', async () => {
    const published = JSON.parse((await run('publish', 't', 'hello', '-k', 'key', '-H', 'a=1', '--json')).stdout);
    const [peeked] = JSON.parse((await run('queue', 'peek', 'q', '--json')).stdout).messages;
    assert.deepEqual(
      [peeked.id, peeked.text, peeked.key, peeked.headers, peeked.state],
      [published.id, 'hello', 'key', { a: '1' }, 'ready'],
    );
    const got = JSON.parse((await run('consume', 'q', '--limit', '1', '--json')).stdout);
    assert.deepEqual([got.id, got.text], [published.id, 'hello']);
    const { balanced, total } = JSON.parse((await run('ledger', '--json')).stdout);
    assert.deepEqual([balanced, total.accepted, total.acked], [true, 1, 1]);
  });

  it('metrics have the path and the labels of the configuration', async () => {
    const text = await (await fetch(`http://127.0.0.1:${node.adminPort}/prometheus`)).text();
    const received = text.split('\n').find((line) => /^hsmq_queue_total\{event="received"/.test(line)) ?? '';
    for (const part of ['name="q"', 'zone="north"', '} 1']) assert.ok(received.includes(part), received);
  });

  it('a queue lives from declare to delete', async () => {
    assert.equal((await run('queue', 'declare', 'new/q', '--topics', 'n', '--limit', '10')).code, 0);
    assert.equal((await run('publish', 'n', 'x', '-n', '5')).code, 0);
    assert.equal((await run('queue', 'purge', 'new/q')).stdout, 'Queue "new/q" is purged of 5 messages\n');
    assert.equal((await run('queue', 'delete', 'new/q')).code, 0);
    assert.equal((await run('publish', 'n', 'x')).code, 4);
  });

  it('bench loses nothing, and takes its queues with it', async () => {
    const { code, stdout } = await run('bench', '--seconds', '300ms', '--topics', '3', '--consumers', '2', '--json');
    const { published, delivered, missing, latencyUs } = JSON.parse(stdout);
    assert.deepEqual([code, missing, published], [0, 0, delivered]);
    assert.ok(published > 0 && latencyUs.min <= latencyUs.p50 && latencyUs.p50 <= latencyUs.max);
    const { queues } = JSON.parse((await run('queue', 'list', '--json')).stdout);
    assert.deepEqual(
      queues.map(({ name }: { name: string }) => name),
      ['q'],
    );
  });

  it('bench keeps to a rate, and shows a picture of the latencies', async () => {
    const { stdout } = await run('bench', '--seconds', '500ms', '--rate', '200');
    const perSecond = Number(/^publishedPerSecond +(\d+)$/m.exec(stdout)?.[1]);
    assert.ok(perSecond > 0 && perSecond < 250, stdout);
    assert.match(stdout, /From publish to delivery:\n +>= .* % #/);
  });
});

describe('ringmq serve', function () {
  this.timeout(60_000);
  const nodes: NodeProcess[] = [];

  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.stop('SIGKILL');
  });

  async function start(options: NodeProcessOptions = {}): Promise<NodeProcess> {
    const node = await NodeProcess.start(options);
    nodes.push(node);
    return node;
  }

  it('with a wrong flag or file is exit code 2, in one line', async () => {
    const flag = await ringmq(['serve', '--shards', 'many']);
    assert.deepEqual([flag.code, flag.stderr.split('\n').length], [2, 2]);
    assert.match(flag.stderr, /^ringmq: command line: Cannot use --shards: expected a whole number/);
    const file = await ringmq(['serve', '-c', '/does/not/exist.toml']);
    assert.deepEqual([file.code, file.stderr.split('\n').length], [2, 2]);
    assert.match(file.stderr, /exist\.toml/);
  });

  it('with a port in use is exit code 1, in one line with the address', async () => {
    const node = await start();
    const admin = `127.0.0.1:${node.adminPort}`;
    const free = '127.0.0.1:0';
    for (const [grpcAddress, adminAddress, taken] of [
      [node.address, free, node.address],
      [free, admin, admin],
    ]) {
      const args = ['--grpc-address', grpcAddress, '--admin-address', adminAddress, '--shards', '1'];
      const second = await ringmq(['serve', ...args]);
      assert.equal(second.code, 1);
      assert.match(second.stderr, new RegExp(`^ringmq: Cannot listen.* on ${taken}: the port is in use\n$`));
    }
  });

  it('ends in order at a signal: the ports file goes, what is left is told', async () => {
    const node = await start({ toml: TOML });
    await ringmq(['publish', 't', 'x', '-n', '3'], { env: { RINGMQ_ADDRESS: node.address } });
    node.child.kill('SIGINT');
    assert.deepEqual(await node.exited, { code: 0, signal: null });
    assert.match(node.output, /^Queue "q" ended with 3 messages in it$/m);
    assert.ok(!existsSync(join(node.folder, 'ports.json')));
  });
});

describe('ringmq config', function () {
  this.timeout(60_000);

  it('check tells that a configuration is good, or what is wrong with it', async () => {
    assert.match((await ringmq(['config', 'check'])).stdout, /^ok: 0 queues/);
    const bad = await ringmq(['config', 'check', '--shards', 'many']);
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /--shards/);
  });

  it('show tells each value and where it comes from', async () => {
    const shown = new Ringmq(['config', 'show', '--json', '--shards', '3'], { env: { RINGMQ_TRACING_LEVEL: 'warn' } });
    const { options } = JSON.parse((await shown.ended).stdout);
    assert.deepEqual(options['node.shards'], { value: 3, origin: 'flag' });
    assert.deepEqual(options['tracing.level'], { value: 'warn', origin: 'env' });
  });
});
