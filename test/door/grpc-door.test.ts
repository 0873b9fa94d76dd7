// What a foreign client sees of the door: grpc-js with a .proto file of its own.
import assert from 'node:assert/strict';
import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import { EchoServer, type Text, until } from './echo.ts';
import { all, type EchoClient, unary } from './echo-calls.ts';

describe('GrpcDoor', () => {
  let server: EchoServer;
  let client: EchoClient;

  async function serve(options: ConstructorParameters<typeof EchoServer>[0] = {}, channel = {}): Promise<void> {
    await server?.stop();
    server = await new EchoServer(options).start();
    client = server.client(channel);
  }

  beforeEach(() => serve());
  afterEach(() => server.stop());

  describe('call kinds', () => {
    it('unary', async () => {
      const { reply, code } = await unary(client, { text: 'hello' });
      assert.equal(reply?.text, 'hello');
      assert.equal(code, status.OK);
      await until(() => server.log.closed === 1, 'the handler is closed');
    });

    it('unary with an empty message', async () => {
      assert.equal((await unary(client, {})).reply?.text, '');
    });

    it('client streaming', async () => {
      const reply = await new Promise<Text>((resolve, reject) => {
        const call = client.Collect((error: ServiceError | null, text: Text) =>
          error ? reject(error) : resolve(text),
        );
        for (let sent = 0; sent < 100; sent++) call.write({ text: 'x' });
        call.end();
      });
      assert.equal(reply.count, 100);
    });

    it('client streaming without a message', async () => {
      const reply = await new Promise<Text>((resolve, reject) => {
        client.Collect((error: ServiceError | null, text: Text) => (error ? reject(error) : resolve(text))).end();
      });
      assert.equal(reply.count, 0);
    });

    it('server streaming, many messages, in order of flow control', async () => {
      const texts = await all(client.Repeat({ text: 'x'.repeat(1000), count: 5000 }));
      assert.equal(texts.length, 5000);
      assert.ok(server.log.drained > 0, 'five megabytes do not go out without waiting');
    });

    it('bidirectional streaming', async () => {
      const call: ClientDuplexStream<Partial<Text>, Text> = client.Chat();
      for (let sent = 0; sent < 1000; sent++) call.write({ text: String(sent) });
      call.end();
      const texts = await all(call);
      assert.deepEqual(
        texts.map(({ text }) => text),
        Array.from({ length: 1000 }, (_, index) => String(index)),
      );
    });

    it('many calls at once on one connection', async () => {
      const outcomes = await Promise.all(Array.from({ length: 300 }, (_, index) => unary(client, { count: index })));
      assert.deepEqual(
        outcomes.map(({ reply }) => reply?.count),
        Array.from({ length: 300 }, (_, index) => index),
      );
      assert.equal(server.door.stats.connections, 1);
      assert.equal(server.door.stats.requests.get('/test.echo.Echo/Unary'), 300);
      await until(() => server.door.stats.streams === 0, 'no stream is left');
    });
  });

  describe('metadata', () => {
    it('goes in, and out as headers and trailers, also as bytes', async () => {
      const { headers, trailers } = await unary(
        client,
        {},
        { 'x-headers': 'seen', 'x-more-bin': Buffer.of(1, 2, 0, 255) },
      );
      assert.deepEqual(headers?.get('x-headers'), ['seen']);
      assert.deepEqual(headers?.get('x-headers-bin'), [Buffer.from('seen')]);
      assert.deepEqual(trailers.get('x-trailer'), ['last']);
      assert.deepEqual(trailers.get('x-trailer-bin'), [Buffer.of(0, 1, 255)]);
      assert.equal(server.log.calls[0].metadata['x-more-bin'], 'AQIA/w==');
      assert.match(server.log.calls[0].peer, /^127\.0\.0\.1:\d+$/);
    });
  });

  describe('status', () => {
    const codes = ['invalid-argument', 'not-found', 'already-exists', 'unavailable', 'unauthenticated'] as const;
    for (const code of codes) {
      it(`${code} with its text`, async () => {
        const { error } = await unary(client, {}, { 'x-do': 'fail', 'x-code': code, 'x-text': 'plain text' });
        assert.equal(error?.code, status[code.toUpperCase().replaceAll('-', '_') as keyof typeof status]);
        assert.equal(error?.details, 'plain text');
      });
    }

    it('INTERNAL without a word about what nobody expected', async () => {
      const { error } = await unary(client, {}, { 'x-do': 'crash' });
      assert.equal(error?.code, status.INTERNAL);
      assert.equal(error?.details, 'Internal error');
      assert.match(String(server.unexpected[0]), /secret of the implementation/);
    });

    it('after messages were sent, in trailers', async () => {
      const call: ClientDuplexStream<Partial<Text>, Text> = client.Chat();
      call.write({ text: 'first' });
      const first = await new Promise<Text>((resolve) => call.once('data', resolve));
      assert.equal(first.text, 'first');
      server.log.calls[0].finish(5, 'gone: 100% grün');
      const error = await new Promise<ServiceError>((resolve) => call.on('error', resolve));
      assert.equal(error.code, status.NOT_FOUND);
      assert.equal(error.details, 'gone: 100% grün');
      await until(() => server.log.closed === 1, 'the handler is closed');
    });

    it('UNIMPLEMENTED for a method that is not there', async () => {
      const error = await new Promise<ServiceError | null>((resolve) => {
        const same = (bytes: Buffer) => bytes;
        client.makeUnaryRequest('/test.echo.Echo/Nope', same, same, Buffer.alloc(0), (failed) => resolve(failed));
      });
      assert.equal(error?.code, status.UNIMPLEMENTED);
      assert.match(error?.details ?? '', /Echo\/Nope/);
      assert.equal(server.door.stats.refused.get('unknown-path'), 1);
    });

    it('RESOURCE_EXHAUSTED for a message over the limit, other calls unharmed', async () => {
      await serve({ limits: { messageBytesMax: 1000 } });
      const { error } = await unary(client, { text: 'x'.repeat(1000) });
      assert.equal(error?.code, status.RESOURCE_EXHAUSTED);
      assert.match(error?.details ?? '', /at most 1000 bytes: received one of 1003/);
      assert.equal((await unary(client, { text: 'fits' })).reply?.text, 'fits');
    });

    it('RESOURCE_EXHAUSTED for too much metadata', async () => {
      const { error } = await unary(client, {}, { 'x-long': 'x'.repeat(20_000) });
      assert.equal(error?.code, status.RESOURCE_EXHAUSTED);
      assert.equal(server.door.stats.refused.get('metadata'), 1);
    });

    it('a connection-wide error ends the connection after its status', async () => {
      const { error } = await unary(
        client,
        {},
        { 'x-do': 'fail', 'x-code': 'invalid-argument', 'x-scope': 'connection' },
      );
      assert.equal(error?.code, status.INVALID_ARGUMENT);
      await until(() => server.door.stats.connections === 0, 'the connection is closed');
    });
  });

  describe('compression', () => {
    it('reads gzip requests and answers with gzip when that is on', async () => {
      await serve({ gzip: true }, { 'grpc.default_compression_algorithm': 2 });
      const text = 'x'.repeat(100_000);
      const { reply } = await unary(client, { text });
      assert.equal(reply?.text, text);
      assert.ok(server.door.stats.bytesIn < 5000, `${server.door.stats.bytesIn} bytes in`);
      assert.ok(server.door.stats.bytesOut < 5000, `${server.door.stats.bytesOut} bytes out`);
    });

    it('answers plainly when it is off', async () => {
      await serve({}, { 'grpc.default_compression_algorithm': 2 });
      assert.equal((await unary(client, { text: 'x'.repeat(100_000) })).reply?.text.length, 100_000);
      assert.ok(server.door.stats.bytesOut > 100_000);
    });

    it('refuses a message that inflates beyond the limit', async () => {
      await serve({ limits: { messageBytesMax: 10_000 } }, { 'grpc.default_compression_algorithm': 2 });
      const { error } = await unary(client, { text: 'x'.repeat(1_000_000) });
      assert.equal(error?.code, status.RESOURCE_EXHAUSTED);
    });
  });

  it('carries the largest message both ways', async () => {
    const text = 'x'.repeat(4 * 1024 * 1024 - 5);
    assert.equal((await unary(client, { text })).reply?.text, text);
  });

  describe('drain', () => {
    it('serves open calls, refuses new ones with UNAVAILABLE "shutdown", also on new connections', async () => {
      const call: ClientDuplexStream<Partial<Text>, Text> = client.Chat();
      call.write({ text: 'before' });
      await new Promise((resolve) => call.once('data', resolve));
      server.door.drain();
      const { error } = await unary(server.client(), {});
      assert.equal(error?.code, status.UNAVAILABLE);
      assert.equal(error?.details, 'shutdown');
      assert.equal(server.door.stats.refused.get('draining'), 1);
      call.write({ text: 'after' });
      assert.equal((await new Promise<Text>((resolve) => call.once('data', resolve))).text, 'after');
      call.end();
      await until(() => server.log.closed === 1, 'the open call ended by itself');
    });

    it('makes the client leave the connection', async () => {
      await unary(client, {});
      server.door.drain();
      const { error } = await unary(client, {});
      assert.equal(error?.details, 'shutdown');
      await until(() => server.door.stats.connectionsTotal === 2, 'the client has connected anew');
    });
  });

  describe('close', () => {
    it('waits for open calls, within the grace', async () => {
      const call: ClientDuplexStream<Partial<Text>, Text> = client.Chat();
      call.write({ text: 'x' });
      await new Promise((resolve) => call.once('data', resolve));
      const closed = server.door.close(10_000);
      call.write({ text: 'y' });
      call.end();
      assert.equal((await all(call)).length, 1);
      await closed;
    });

    it('ends them when the grace is over', async () => {
      const call = client.Chat();
      call.on('error', () => {});
      call.write({ text: 'x' });
      await new Promise((resolve) => call.once('data', resolve));
      await server.door.close(20);
      assert.equal(server.log.closed, 1);
      await until(() => server.door.stats.connections === 0, 'no connection is left');
    });
  });

  it('says so when the port is in use', async () => {
    const other = new EchoServer();
    await assert.rejects(other.door.listen({ host: '127.0.0.1', port: server.port }), /EADDRINUSE/);
  });

  it('survives a client that pings it', async () => {
    await serve({}, { 'grpc.keepalive_time_ms': 1000, 'grpc.keepalive_permit_without_calls': 1 });
    assert.equal((await unary(client, { text: 'x' })).reply?.text, 'x');
  });
});
