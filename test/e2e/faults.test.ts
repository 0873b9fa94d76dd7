import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { SignJWT } from 'jose';
import { FLAG, FRAME, frame, RawClient, requestHeaders } from '../door/raw-http2.ts';
import { HsmqClient, message, textOf } from './support/hsmq-client.ts';
import { NodeProcess } from './support/node-process.ts';
import { until } from './support/until.ts';

const TOML = `
[[queues]]
name = "q"
topics = ["t"]
`;
const PATH = '/hsmq.v1.hsmq.HSMQ/Streaming';

const base64Url = (text: string): string => Buffer.from(text).toString('base64url');

describe('a node and its bad clients', function () {
  this.timeout(120_000);
  let node: NodeProcess;
  const clients: HsmqClient[] = [];

  before(async () => {
    node = await NodeProcess.start({ toml: TOML, shards: 2 });
  });
  afterEach(async () => {
    await assertServes();
    for (const client of clients.splice(0)) client.close();
    const ledger = await node.admin<{ balanced: boolean }>('/api/v1/ledger');
    assert.equal(ledger.balanced, true);
  });
  after(() => node.stop());

  function client(): HsmqClient {
    const made = new HsmqClient(node.address);
    clients.push(made);
    return made;
  }

  /** Another client is served as if nothing had happened. */
  async function assertServes(): Promise<void> {
    const good = client();
    const stream = good.stream();
    stream.send({ ping: {} });
    assert.equal((await stream.next()).kind, 'pong');
    stream.call.end();
  }

  async function ledger(): Promise<Record<string, number>> {
    return (await node.admin<{ ledger: Record<string, number> }>('/api/v1/queues/q')).ledger;
  }

  it('refuses a message over the limit with RESOURCE_EXHAUSTED and the sizes', async () => {
    const stream = client().stream();
    stream.send({
      publish_message: {
        message: { topic: 't', data: { value: Buffer.alloc(5 * 1024 * 1024) } },
        qos: 1,
        request_id: 'r',
      },
    });
    await until(() => stream.status !== undefined, 'the status');
    assert.equal(stream.status?.code, 8);
    assert.match(stream.status?.details ?? '', /at most 4194304 bytes: received one of 5242\d{3}/);
  });

  it('answers an unknown method with UNIMPLEMENTED', async () => {
    const call = client().stub.makeUnaryRequest(
      '/hsmq.v1.hsmq.HSMQ/Nothing',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      Buffer.alloc(0),
      () => {},
    );
    const status = await new Promise<{ code: number }>((resolve) => call.on('status', resolve));
    assert.equal(status.code, 12);
  });

  it('answers huge metadata with a status, and goes on', async () => {
    const big = client();
    big.metadata.set('x-big', 'x'.repeat(40_000));
    await assert.rejects(big.publish('t', 'x'), { code: 8 });
  });

  it('bounds what a client that never reads does not take, and gives it to others when that client dies', async () => {
    const texts = Array.from({ length: 2000 }, (_, index) => String(index).padEnd(16_384, '.'));
    const before = (await ledger()).acked;
    const raw = await RawClient.open(node.grpcPort);
    raw.call(1, PATH);
    // SubscribeQueue{queues: "q", prefetch_count: 65535} as the first message; the socket is then never read again.
    raw.send(frame(FRAME.data, FLAG.none, 1, Buffer.from('00000000090a070a017110ffff03', 'hex')));
    await until(
      async () => (await node.admin<{ consumers: number }>('/api/v1/queues/q')).consumers === 1,
      'the consumer',
    );
    raw.socket.pause();
    await client().publishQos0('t', texts);
    await until(async () => (await ledger()).accepted >= texts.length, 'the publishes');
    // 64 KiB fit its flow-control window and 256 KiB its output: nearly all of the 32 MB stay in the queue.
    await until(async () => (await ledger()).ready > 1900, 'the queue to hold the rest');
    raw.socket.destroy();
    const heir = client().stream();
    heir.subscribe('q', 100);
    for (let index = 0; index < texts.length; index++) {
      const got = await heir.nextMessage();
      assert.equal(textOf(got.message), texts[index]);
      heir.ack(got.meta);
    }
    await until(async () => (await ledger()).acked === before + texts.length, 'the acks');
  });

  it('closes a connection that opens and resets streams without end (rapid reset)', async () => {
    const raw = await RawClient.open(node.grpcPort);
    const flood: Buffer[] = [];
    for (let stream = 1; stream < 10_000; stream += 2) {
      flood.push(
        frame(FRAME.headers, FLAG.endHeaders, stream, requestHeaders(PATH)),
        frame(FRAME.reset, FLAG.none, stream, Buffer.from([0, 0, 0, 8])),
      );
    }
    raw.send(Buffer.concat(flood));
    await until(() => raw.closed, 'the connection to be closed');
  });

  it('closes a connection that sends SETTINGS without end', async () => {
    const raw = await RawClient.open(node.grpcPort);
    raw.send(
      Buffer.concat(
        Array.from({ length: 5000 }, () => frame(FRAME.settings, FLAG.none, 0, Buffer.from([0, 3, 0, 0, 0, 100]))),
      ),
    );
    await until(() => raw.closed, 'the connection to be closed');
  });

  it('closes a connection of random bytes and one of HTTP/1.1', async () => {
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'), Buffer.alloc(5000, 0xa7)]) {
      const raw = new RawClient(node.grpcPort);
      raw.send(bytes);
      await until(() => raw.closed, 'the connection to be closed');
    }
  });

  it('ends a stream whose frame is cut off with a status', async () => {
    const raw = await RawClient.open(node.grpcPort);
    raw.call(1, PATH);
    raw.send(frame(FRAME.data, FLAG.endStream, 1, Buffer.from('0000000010aabb', 'hex')));
    await until(
      () => raw.frames.some((got) => got.type === FRAME.headers && (got.flags & FLAG.endStream) !== 0),
      'the trailers',
    );
    raw.socket.destroy();
  });

  it('carries 10,000 idle streams, and serves others meanwhile', async () => {
    const raws: RawClient[] = [];
    for (let connection = 0; connection < 20; connection++) {
      const raw = await RawClient.open(node.grpcPort);
      const opens: Buffer[] = [];
      for (let stream = 1; stream < 1000; stream += 2)
        opens.push(frame(FRAME.headers, FLAG.endHeaders, stream, requestHeaders(PATH)));
      raw.send(Buffer.concat(opens));
      raws.push(raw);
    }
    await until(
      () => raws.every((raw) => raw.frames.filter((got) => got.type === FRAME.headers).length >= 500),
      'all streams to be answered',
    );
    await assertServes();
    for (const raw of raws) raw.socket.destroy();
    await until(async () => {
      const { shards } = await node.admin<{ shards: { sessions: number }[] }>('/api/v1/stats');
      return shards.every(({ sessions }) => sessions < 50);
    }, 'the sessions to go');
  });

  it('takes no harm from a message of garbage in every stream kind', async () => {
    for (const method of ['Publish', 'PublishQos0', 'SubscribeQueue', 'Streaming']) {
      const raw = await RawClient.open(node.grpcPort);
      raw.call(1, `/hsmq.v1.hsmq.HSMQ/${method}`);
      raw.send(
        frame(FRAME.data, FLAG.endStream, 1, Buffer.concat([Buffer.from('0000000020', 'hex'), Buffer.alloc(32, 0xff)])),
      );
      await until(
        () => raw.frames.some((got) => got.type === FRAME.headers && (got.flags & FLAG.endStream) !== 0),
        `${method}'s status`,
      );
      raw.socket.destroy();
    }
  });
});

describe('a node with the largest message limit', function () {
  this.timeout(60_000);

  it('carries 15 MB between shards', async () => {
    // The two queues live on different shards: one of them is not on the shard of the connection.
    const queues = ['b/0', 'b/1'].map((name) => `[[queues]]\nname = "${name}"\ntopics = ["t"]\n`);
    const node = await NodeProcess.start({ toml: `[limits]\nmessage_bytes = 16777216\n${queues.join('')}`, shards: 2 });
    const client = new HsmqClient(node.address);
    assert.equal((await client.publish('t', 'x'.repeat(15_000_000))).kind, 'message_meta');
    const { balanced, total } = await node.admin<{ balanced: boolean; total: { ready: number } }>('/api/v1/ledger');
    assert.deepEqual([balanced, total.ready], [true, 2]);
    client.close();
    await node.stop();
  });
});

describe('a node that asks who calls', function () {
  this.timeout(60_000);
  let node: NodeProcess;
  before(async () => {
    node = await NodeProcess.start({
      toml: `${TOML}
[auth.jwt]
secrets = [
  { name = "new", env = "NEW_SECRET" },
  { name = "old", env = "OLD_SECRET" },
  { name = "gone", env = "GONE_SECRET", disable = true },
]
[users.alice]
tokens = ["alice-token", { env = "OFF_TOKEN", disable = true }]
`,
      env: { NEW_SECRET: 'new-secret', OLD_SECRET: 'old-secret', GONE_SECRET: 'gone-secret', OFF_TOKEN: 'off-token' },
    });
  });
  after(() => node.stop());

  async function publishWith(token: string | undefined): Promise<number> {
    const client = new HsmqClient(node.address, token === undefined ? {} : { token });
    try {
      await client.publish('t', 'x');
      return 0;
    } catch (error) {
      const { code, details } = error as { code: number; details: string };
      if (token !== undefined && token !== '') assert.ok(!details.includes(token), 'a token is never echoed');
      return code;
    } finally {
      client.close();
    }
  }

  function jwt(
    secret: string,
    claims: Record<string, unknown> = { sub: 'bob', exp: Math.floor(Date.now() / 1000) + 60 },
  ): Promise<string> {
    return new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));
  }

  it('takes a good token and JWTs of every secret in use', async () => {
    for (const token of ['alice-token', await jwt('new-secret'), await jwt('old-secret')])
      assert.equal(await publishWith(token), 0);
  });

  it('refuses no token, a wrong one, a disabled one and bad JWTs with UNAUTHENTICATED', async () => {
    const soon = Math.floor(Date.now() / 1000) + 60;
    const bad = [
      undefined,
      '',
      'wrong',
      'off-token',
      await jwt('gone-secret'),
      await jwt('unknown-secret'),
      await jwt('new-secret', { sub: 'bob', exp: soon - 3600 }),
      await jwt('new-secret', { sub: 'bob' }),
      await jwt('new-secret', { exp: soon }),
      `${base64Url('{"alg":"none"}')}.${base64Url(`{"sub":"bob","exp":${soon}}`)}.`,
    ];
    for (const token of bad) assert.equal(await publishWith(token), 16, String(token));
  });

  it('keeps every secret and token out of log, metrics and errors', async () => {
    const metrics = await (
      await fetch(`http://127.0.0.1:${node.adminPort}/metrics`, { headers: { authorization: 'Bearer alice-token' } })
    ).text();
    for (const secret of ['new-secret', 'old-secret', 'gone-secret', 'alice-token', 'off-token']) {
      assert.ok(!node.output.includes(secret) && !metrics.includes(secret), secret);
    }
    assert.match(metrics, /hsmq_jwt_total\{name="new"/);
  });
});

describe('a node that cannot start', function () {
  this.timeout(60_000);

  it('says what is wrong in its config, with the nearest right name', async () => {
    await assert.rejects(
      NodeProcess.start({ toml: '[tracing]\nlevl = "info"\n' }),
      /tracing\.levl.*did you mean "tracing\.level"/s,
    );
    await assert.rejects(
      NodeProcess.start({ toml: '[[queues]]\nname = "a"\n[[queues]]\nname = "a"\n' }),
      /queue.*"a"/is,
    );
    await assert.rejects(NodeProcess.start({ toml: 'this is no toml' }), /node\.toml/);
  });

  it('says which port is in use, and ends', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await assert.rejects(
      NodeProcess.start({ args: ['--grpc-address', `127.0.0.1:${port}`] }),
      new RegExp(`ended with 1.*${port}`, 's'),
    );
    server.close();
  });
});

describe('graceful shutdown', function () {
  this.timeout(60_000);

  it('serves consumers until the queue is empty, refuses publishes, and leaves in order', async () => {
    const node = await NodeProcess.start({ toml: TOML, shards: 2 });
    const client = new HsmqClient(node.address, { redirect: 'http://elsewhere:4848' });
    await client.publishQos0('t', ['1', '2', '3']);
    const consumer = client.stream();
    const publisher = client.stream();
    publisher.send({ ping: {} });
    await publisher.next();
    consumer.subscribe('q', 1);
    const first = await consumer.nextMessage();
    node.child.kill('SIGTERM');
    assert.deepEqual((await publisher.next()).redirect, { grpc_uri: 'http://elsewhere:4848' });
    publisher.send({ publish_message: { message: message('t', 'late'), qos: 1, request_id: 'late' } });
    assert.equal((await publisher.next()).pub_error?.info, 'shutdown');
    assert.equal((await fetch(`http://127.0.0.1:${node.adminPort}/ready`)).status, 503);
    const fresh = new HsmqClient(node.address);
    await assert.rejects(fresh.publish('t', 'new'), { code: 14 });
    fresh.close();
    const redirected = new HsmqClient(node.address, { redirect: 'http://elsewhere:4848' });
    assert.deepEqual((await redirected.publish('t', 'new')).redirect, { grpc_uri: 'http://elsewhere:4848' });
    const late = redirected.stream();
    assert.deepEqual((await late.next()).redirect, { grpc_uri: 'http://elsewhere:4848' });
    await until(() => late.status !== undefined, 'the end');
    assert.deepEqual(late.status, { code: 14, details: 'shutdown' });
    redirected.close();
    consumer.ack(first.meta);
    const texts = [textOf(first.message)];
    for (let count = 0; count < 2; count++) {
      const got = await consumer.nextMessage();
      texts.push(textOf(got.message));
      consumer.ack(got.meta);
    }
    assert.deepEqual(texts, ['1', '2', '3']);
    assert.deepEqual(await node.exited, { code: 0, signal: null }, node.output);
    client.close();
  });

  it('ends at once with a second signal, and reports what is left', async () => {
    const node = await NodeProcess.start({ toml: TOML });
    const client = new HsmqClient(node.address);
    await client.publishQos0('t', ['1', '2']);
    const stream = client.stream();
    stream.send({ ping: {} });
    await stream.next();
    node.child.kill('SIGTERM');
    await until(() => node.output.includes('node.draining'), 'draining');
    node.child.kill('SIGTERM');
    assert.equal((await node.exited).code, 0);
    assert.match(node.output, /queue\.left.*"q".*2/);
    client.close();
  });
});
