import assert from 'node:assert/strict';
import { FakeNode } from '../client/fake-node.ts';
import { until } from '../e2e/support/until.ts';
import { type Ran, Ringmq, ringmq } from './ringmq.ts';

describe('publish, consume and fetch', function () {
  this.timeout(60_000);
  let node: FakeNode;
  let env: Record<string, string>;

  beforeEach(async () => {
    node = await new FakeNode('q').start();
    env = { RINGMQ_ADDRESS: node.address };
  });
  afterEach(() => node.stop());

  const run = (args: readonly string[], input?: string): Promise<Ran> =>
    ringmq(args, input === undefined ? { env } : { env, input });

  function bodies(): string[] {
    return node.published.map(({ data }) => data?.value.toString() ?? '');
  }

  it('publish tells the id that the message got, to people and to programs', async () => {
    assert.deepEqual(await run(['publish', 'q', 'hello']), {
      code: 0,
      stdout: 'Published id-1 to queue q\n',
      stderr: '',
    });
    const { stdout } = await run(['publish', 'q', 'hello', '--json']);
    assert.deepEqual(JSON.parse(stdout), { published: 1, id: 'id-2', queue: 'q', shard: 'fake/0' });
  });

  it('publish sends key, headers and the options of the broker', async () => {
    const options = ['-k', 'k', '-H', 'a=1', '-H', 'b=x=y', '--ttl', '1.5', '--delay', '200ms', '--priority', '7'];
    await run(['publish', 'q', 'x', ...options, '--message-id', 'm']);
    const [{ key, headers }] = node.published;
    assert.equal(key, 'k');
    assert.deepEqual(headers, {
      a: '1',
      b: 'x=y',
      'ringmq-ttl-ms': '1500',
      'ringmq-delay-ms': '200',
      'ringmq-priority': '7',
      'ringmq-message-id': 'm',
    });
  });

  for (const qos of ['1', '0']) {
    it(`publish sends many with QoS ${qos}, and counts them`, async () => {
      const { code, stdout } = await run(['publish', 'q', '--size', '10', '-n', '5000', '-q', qos, '--json']);
      const { published, seconds, perSecond, ...rest } = JSON.parse(stdout);
      assert.deepEqual([code, published, rest], [0, 5000, {}]);
      assert.ok(seconds > 0 && perSecond > 0);
      assert.deepEqual([bodies().length, new Set(bodies())], [5000, new Set(['xxxxxxxxxx'])]);
    });

    it(`publish to a topic without a queue is exit code 4 with QoS ${qos}`, async () => {
      const { code, stderr } = await run(['publish', 'nobody', 'x', '-n', '10', '-q', qos]);
      assert.deepEqual([code, stderr], [4, 'ringmq: Subscribers for topic nobody not found\n']);
    });
  }

  it('publish sends each line of stdin, at the rate asked for', async () => {
    const started = performance.now();
    const { code } = await run(['publish', 'q', '--stdin', '--rate', '10'], 'one\ntwo\r\nthree\nfour');
    assert.equal(code, 0);
    assert.deepEqual(bodies(), ['one', 'two', 'three', 'four']);
    assert.ok(performance.now() - started >= 300, 'three gaps of 100 ms');
  });

  it('consume prints bodies as lines, acks them and ends at its limit', async () => {
    await run(['publish', 'q', '--stdin'], 'one\ntwo\nthree');
    assert.deepEqual(await run(['consume', 'q', '--limit', '2']), { code: 0, stdout: 'one\ntwo\n', stderr: '' });
    assert.deepEqual([node.queue('q').acked, node.queue('q').ready.length], [2, 1]);
  });

  it('consume --json prints all of a message a line, bytes as base64', async () => {
    await run(['publish', 'q', 'text', '-k', 'k', '-H', 'a=1']);
    node.queue('q').ready[0].message.data?.value.fill(0xff);
    await run(['publish', 'q', 'text']);
    const { stdout } = await run(['consume', 'q', '--limit', '2', '--json']);
    const [first, second] = stdout.trim().split('\n');
    const common = { queue: 'q', shard: 'fake/0', topic: 'q' };
    assert.deepEqual(JSON.parse(first), { ...common, id: 'id-1', key: 'k', headers: { a: '1' }, base64: '/////w==' });
    assert.deepEqual(JSON.parse(second), { ...common, id: 'id-2', key: '', headers: {}, text: 'text' });
  });

  it('consume --no-ack leaves the messages in the queue, and --timeout ends it', async () => {
    await run(['publish', 'q', '--stdin'], 'one\ntwo');
    const { code, stdout } = await run(['consume', 'q', '--no-ack', '--timeout', '300ms']);
    assert.deepEqual([code, stdout], [0, 'one\ntwo\n']);
    await until(() => node.queue('q').ready.length === 2, 'the messages to be back');
    assert.equal(node.queue('q').acked, 0);
  });

  it('Ctrl-C ends consume in order: what was printed is acked', async () => {
    const consumer = new Ringmq(['consume', 'q'], { env });
    await run(['publish', 'q', 'x']);
    await until(() => consumer.stdout === 'x\n', 'the message');
    consumer.child.kill('SIGINT');
    assert.equal((await consumer.ended).code, 0);
    assert.equal(node.queue('q').acked, 1);
  });

  it('a reader that closes the pipe ends consume without an error', async () => {
    const consumer = new Ringmq(['consume', 'q'], { env });
    await run(['publish', 'q', 'x']);
    await until(() => consumer.stdout === 'x\n', 'the message');
    consumer.child.stdout.destroy();
    await run(['publish', 'q', 'x', '-n', '100']);
    assert.deepEqual([(await consumer.ended).code, consumer.stderr], [0, '']);
  });

  it('fetch takes one message, or ends with exit code 1 when none came', async () => {
    await run(['publish', 'q', 'x']);
    assert.deepEqual(await run(['fetch', 'q']), { code: 0, stdout: 'x\n', stderr: '' });
    assert.equal(node.queue('q').acked, 1);
    const none = await run(['fetch', 'q', '--timeout', '50ms']);
    assert.deepEqual(none, { code: 1, stdout: '', stderr: 'ringmq: No message came in queue "q" within 50 ms\n' });
  });

  it('fetch --no-ack gives the message back', async () => {
    await run(['publish', 'q', 'x']);
    assert.equal((await run(['fetch', 'q', '--no-ack', '--json'])).code, 0);
    await until(() => node.queue('q').ready.length === 1, 'the message to be back');
  });

  for (const command of ['consume', 'fetch']) {
    it(`${command} of an unknown queue is exit code 4`, async () => {
      const { code, stderr } = await run([command, 'nope']);
      assert.deepEqual([code, /^ringmq: .*"nope" not found\n$/.test(stderr)], [4, true]);
    });
  }

  it('a wrong token is exit code 5 and not shown, the right one opens', async () => {
    node.token = 'right';
    const refused = await run(['publish', 'q', 'x', '--token', 'wrong-secret']);
    assert.equal(refused.code, 5);
    assert.doesNotMatch(refused.stderr, /wrong-secret/);
    assert.equal((await ringmq(['publish', 'q', 'x'], { env: { ...env, RINGMQ_TOKEN: 'right' } })).code, 0);
  });

  it('no node is exit code 3, in one line with the address', async () => {
    const { address } = node;
    node.stop();
    const { code, stderr } = await run(['publish', 'q', 'x', '--connect-timeout', '500ms']);
    assert.equal(code, 3);
    assert.match(stderr, new RegExp(`^ringmq: Cannot connect to ${address}.*\n$`));
  });
});
