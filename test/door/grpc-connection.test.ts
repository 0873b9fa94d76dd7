// What bad clients do to the door: each is answered or cut, counted, and harms nobody else.
import assert from 'node:assert/strict';
import type { ServiceError } from '@grpc/grpc-js';
import fc from 'fast-check';
import type { RefusalReason } from '../../src/door/grpc-stats.ts';
import { EchoServer, type Text, until } from './echo.ts';
import { FLAG, FRAME, frame, header, message, RawClient, requestHeaders } from './raw-http2.ts';

const CHAT = '/test.echo.Echo/Chat';
const ENHANCE_YOUR_CALM = 11;

describe('GrpcDoor and bad clients', () => {
  let server: EchoServer;
  let good: ReturnType<EchoServer['client']>;
  const clients: RawClient[] = [];

  async function serve(options: ConstructorParameters<typeof EchoServer>[0] = {}): Promise<void> {
    await server?.stop();
    server = await new EchoServer(options).start();
    good = server.client();
  }

  async function attacker(settings?: Uint8Array): Promise<RawClient> {
    const client = await RawClient.open(server.port, settings);
    clients.push(client);
    return client;
  }

  function dial(): RawClient {
    const client = new RawClient(server.port);
    clients.push(client);
    return client;
  }

  /** A good client on a connection of its own is served. */
  async function assertUnharmed(): Promise<void> {
    const reply = await new Promise<Text>((resolve, reject) => {
      const done = (error: ServiceError | null, text: Text) => (error ? reject(error) : resolve(text));
      good.Unary({ text: 'still here' }, done);
    });
    assert.equal(reply.text, 'still here');
  }

  const refused = (reason: RefusalReason) => server.door.stats.refused.get(reason) ?? 0;

  beforeEach(() => serve());
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await assertUnharmed();
    await server.stop();
    assert.equal(server.log.opened, server.log.closed, 'every handler is closed');
    await until(() => server.door.stats.streams === 0, 'no stream is left');
    assert.equal(server.door.stats.bufferedBytes, 0);
    assert.equal(server.door.stats.outputBytes, 0);
    assert.deepEqual(server.unexpected, []);
  });

  describe('before the preface', () => {
    it('answers HTTP/1.1 with 505 and closes', async () => {
      const client = dial();
      client.send(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
      await until(() => client.closed, 'the connection is closed');
      assert.match(client.bytes.toString(), /^HTTP\/1\.1 505 /);
      assert.match(client.bytes.toString(), /This port speaks gRPC/);
      assert.equal(refused('http1'), 1);
    });

    it('closes at once on random bytes', async () => {
      const client = dial();
      client.send(Buffer.from([0x16, 0x03, 0x01, 0xff, 0x00, 0x01]));
      await until(() => client.closed, 'the connection is closed');
      assert.equal(refused('not-http2'), 1);
    });

    it('closes a connection that says nothing, or says it slowly', async () => {
      await serve({ limits: { prefaceTimeoutMs: 100 } });
      const silent = dial();
      const slow = dial();
      slow.send(Buffer.from('PRI * HT'));
      await until(() => silent.closed && slow.closed, 'both are closed');
      assert.equal(refused('preface-timeout'), 2);
    });

    it('takes a preface that comes byte by byte', async () => {
      const client = dial();
      for (const byte of Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')) client.send(Buffer.of(byte));
      client.send(frame(FRAME.settings, FLAG.none, 0));
      await until(() => client.frames.length > 0, 'the server has greeted');
    });

    it('refuses connections over the limit', async () => {
      await serve({ limits: { connectionsMax: 2 } });
      await attacker();
      await assertUnharmed();
      const third = dial();
      await until(() => third.closed, 'the third is closed');
      assert.equal(refused('connection-limit'), 1);
    });
  });

  describe('heads', () => {
    it('answers 405 to GET and 415 to what is not gRPC', async () => {
      const client = await attacker();
      client.call(1, CHAT, { headers: { ':method': 'GET' }, flags: FLAG.endStream });
      client.call(3, CHAT, { headers: { 'content-type': 'application/json' } });
      await until(
        () => client.of(FRAME.headers, 1).length === 1 && client.of(FRAME.headers, 3).length === 1,
        'both are answered',
      );
      assert.equal(refused('method'), 1);
      assert.equal(refused('content-type'), 1);
      await until(() => server.door.stats.streams === 0, 'the streams are closed');
    });

    it('answers an encoding it does not know, and a timeout it cannot read', async () => {
      const client = await attacker();
      client.call(1, CHAT, { headers: { 'grpc-encoding': 'br' } });
      client.call(3, CHAT, { headers: { 'grpc-timeout': 'soon' } });
      client.call(5, '/no/such/path\u0001');
      await until(
        () => client.of(FRAME.headers, 1).length === 1 && client.of(FRAME.headers, 3).length === 1,
        'both are answered',
      );
      assert.equal(refused('encoding'), 1);
      assert.equal(refused('timeout'), 1);
    });

    it('resets a stream whose headers are far too large', async () => {
      const client = await attacker();
      const headers = Buffer.concat([requestHeaders(CHAT), header('x-huge', 'x'.repeat(15_000))]);
      client.send(frame(FRAME.headers, 0, 1, headers));
      for (let sent = 0; sent < 5; sent++)
        client.send(frame(FRAME.continuation, 0, 1, header('x-huge', 'x'.repeat(15_000))));
      client.send(frame(FRAME.continuation, FLAG.endHeaders, 1));
      await until(() => client.of(FRAME.reset, 1).length === 1 || client.closed, 'the stream is reset');
      assert.equal(server.log.opened, 0);
    });

    it('ends a connection that sends CONTINUATION without end', async () => {
      const client = await attacker();
      client.send(frame(FRAME.headers, 0, 1, requestHeaders(CHAT)));
      for (let sent = 0; sent < 100; sent++) client.send(frame(FRAME.continuation, 0, 1, header('x', 'y')));
      await until(() => client.closed, 'the connection is closed');
      assert.equal(refused('protocol-error'), 1);
    });
  });

  describe('messages', () => {
    /** The grpc-status in the trailers: literal fields of ours are found as text. */
    const lastHeaders = (client: RawClient, stream: number) => client.of(FRAME.headers, stream).at(-1)?.payload;

    it('answers a message that is cut off by the end of the stream', async () => {
      const client = await attacker();
      client.call(1, CHAT);
      client.send(frame(FRAME.data, FLAG.endStream, 1, message(100).subarray(0, 50)));
      await until(() => (lastHeaders(client, 1)?.length ?? 0) > 0, 'the status has come');
      assert.equal(refused('call-failed'), 1);
    });

    it('answers bytes that are no gRPC frame', async () => {
      const client = await attacker();
      client.call(1, CHAT);
      client.send(frame(FRAME.data, FLAG.none, 1, Buffer.from('{"json": true}')));
      await until(() => (lastHeaders(client, 1)?.length ?? 0) > 0, 'the status has come');
      assert.equal(refused('call-failed'), 1);
      await until(() => server.log.closed === 1, 'the handler is closed');
    });

    it('answers a second message to a method that takes one, and none', async () => {
      const client = await attacker();
      client.call(1, '/test.echo.Echo/Repeat');
      client.send(frame(FRAME.data, FLAG.none, 1, Buffer.concat([message(0), message(0)])));
      client.call(3, '/test.echo.Echo/Repeat', { flags: FLAG.endStream });
      await until(() => server.log.closed === 2, 'both handlers are closed');
    });

    it('stops a client that sends on after its call has its status', async () => {
      const client = await attacker();
      client.call(1, CHAT, { headers: { 'x-do': 'fail', 'x-code': 'not-found' } });
      client.send(frame(FRAME.data, FLAG.none, 1, message(10)));
      await until(() => client.of(FRAME.reset, 1).length === 1, 'the stream is reset');
      assert.equal(client.of(FRAME.reset, 1)[0].payload.readUInt32BE(0), 0);
      for (let sent = 0; sent < 100; sent++) client.send(frame(FRAME.data, FLAG.none, 1, message(1000)));
    });

    it('bounds what unfinished messages of one connection may hold', async () => {
      await serve({ limits: { connectionBufferedBytesMax: 5 * 1024 * 1024 } });
      const client = await attacker();
      const streams = Array.from({ length: 50 }, (_, index) => 2 * index + 1);
      for (const stream of streams) {
        client.call(stream, CHAT);
        const unfinished = message(1024 * 1024).subarray(0, 200_000);
        for (let at = 0; at < unfinished.length; at += 16_000) {
          client.send(frame(FRAME.data, FLAG.none, stream, unfinished.subarray(at, at + 16_000)));
        }
      }
      await until(() => refused('buffered-limit') > 0, 'the limit was reached');
      assert.ok(server.door.stats.bufferedBytes < 6 * 1024 * 1024, `${server.door.stats.bufferedBytes}`);
    });
  });

  describe('floods', () => {
    it('ends a connection that resets streams as fast as it opens them (CVE-2023-44487)', async () => {
      await serve({ limits: { resetsMax: 200 } });
      const client = await attacker();
      const cancel = Buffer.from([0, 0, 0, 8]);
      for (let stream = 1; stream < 2001; stream += 2) {
        client.call(stream, CHAT);
        client.send(frame(FRAME.reset, 0, stream, cancel));
      }
      await until(() => client.closed, 'the connection is closed');
      assert.equal(client.goawayCode, ENHANCE_YOUR_CALM);
      assert.equal(refused('rapid-reset'), 1);
      assert.ok(server.log.opened < 1000);
    });

    it('ends a connection that pings without end', async () => {
      const client = await attacker();
      for (let sent = 0; sent < 500; sent++) client.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
      await until(() => client.closed, 'the connection is closed');
      assert.equal(client.goawayCode, ENHANCE_YOUR_CALM);
      assert.equal(refused('ping-flood'), 1);
    });

    it('lets a client ping between messages, as often as it likes', async () => {
      const client = await attacker();
      client.call(1, CHAT);
      for (let sent = 0; sent < 500; sent++) {
        client.send(frame(FRAME.data, 0, 1, message(1)), frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
      }
      await until(() => client.of(FRAME.ping, 0).length === 500, 'every ping is answered');
      assert.equal(refused('ping-flood'), 0);
    });

    it('ends a connection that sends SETTINGS without end', async () => {
      const client = await attacker();
      for (let sent = 0; sent < 500; sent++) client.send(frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0])));
      await until(() => client.closed, 'the connection is closed');
      assert.equal(client.goawayCode, ENHANCE_YOUR_CALM);
      assert.equal(refused('settings-flood'), 1);
    });

    it('refuses streams over the limit of a connection', async () => {
      await serve({ limits: { streamsPerConnectionMax: 10 } });
      const client = await attacker();
      for (let stream = 1; stream < 41; stream += 2) client.call(stream, CHAT);
      await until(
        () => client.frames.filter(({ type }) => type === FRAME.reset).length >= 1 || client.closed,
        'some are refused',
      );
      assert.ok(server.log.opened <= 10);
    });

    it('refuses streams over the limit of the door with a status', async () => {
      await serve({ limits: { streamsMax: 10 } });
      const client = await attacker();
      for (let stream = 1; stream < 31; stream += 2) client.call(stream, CHAT);
      await until(() => refused('stream-limit') === 5, 'five are refused');
      assert.equal(server.log.opened, 10);
    });
  });

  describe('silence', () => {
    it('ends a connection that does not answer our pings', async () => {
      await serve({ limits: { keepaliveMs: 50, keepaliveTimeoutMs: 50 } });
      const client = await attacker();
      client.call(1, CHAT);
      await until(() => client.closed, 'the connection is closed');
      assert.equal(refused('keepalive'), 1);
    });

    it('keeps one that does', async () => {
      await serve({ limits: { keepaliveMs: 20, keepaliveTimeoutMs: 1000 } });
      const client = await attacker();
      let answered = 0;
      await until(() => {
        const pings = client.of(FRAME.ping, 0);
        for (; answered < pings.length; answered++)
          client.send(frame(FRAME.ping, FLAG.ack, 0, pings[answered].payload));
        return answered >= 5;
      }, 'five pings are answered');
      assert.equal(client.closed, false);
    });

    it('bounds what it holds for a client that never reads, and stops reading from it', async () => {
      const client = await attacker();
      client.call(1, CHAT);
      client.socket.pause();
      for (let sent = 0; sent < 2000; sent++) client.send(frame(FRAME.data, FLAG.none, 1, message(1000)));
      await until(() => server.log.calls[0]?.congested, 'the call is congested');
      const { stats } = server.door;
      assert.ok(server.log.calls[0].pendingBytes < 600 * 1024, `${server.log.calls[0].pendingBytes}`);
      assert.ok(stats.bufferedBytes <= 256 * 1024, `${stats.bufferedBytes}`);
    });

    it('lets producers of a slow client wait until it reads', async () => {
      const client = await attacker();
      client.call(1, '/test.echo.Echo/Repeat');
      // Text{count: 100000} followed by 50 bytes of an unknown field.
      const text = Buffer.concat([Buffer.from([0x10, 0xa0, 0x8d, 0x06, 0x7a, 50]), Buffer.alloc(50)]);
      const body = Buffer.concat([message(text.length).subarray(0, 5), text]);
      client.send(frame(FRAME.data, FLAG.endStream, 1, body));
      await until(() => server.log.calls[0]?.congested, 'the producer waits');
      assert.ok(server.log.calls[0].pendingBytes < 300 * 1024);
      const window = Buffer.alloc(4);
      window.writeUInt32BE(10_000_000);
      client.send(frame(FRAME.window, 0, 0, window), frame(FRAME.window, 0, 1, window));
      const bytes = () => client.of(FRAME.data, 1).reduce((sum, { payload }) => sum + payload.length, 0);
      await until(() => server.log.closed === 1 && client.of(FRAME.headers, 1).length === 2, 'everything has come');
      assert.equal(bytes(), 100_000 * (5 + text.length));
    });

    it('resets a finished call whose end is never read', async () => {
      await serve({ limits: { finishTimeoutMs: 50 } });
      const client = await attacker(Buffer.from([0, 4, 0, 0, 0, 0]));
      client.call(1, '/test.echo.Echo/Unary');
      client.send(frame(FRAME.data, FLAG.endStream, 1, message(1)));
      await until(() => client.of(FRAME.reset, 1).length === 1, 'the stream is reset');
      assert.equal(refused('unfinished'), 1);
    });
  });

  it('holds 10,000 idle streams at a few KiB each', async function () {
    this.timeout(60_000);
    const before = process.memoryUsage().rss;
    const all = await Promise.all(Array.from({ length: 10 }, () => attacker()));
    for (const client of all) for (let stream = 1; stream < 2000; stream += 2) client.call(stream, CHAT);
    await until(() => server.log.opened === 10_000, 'all are open', 30_000);
    const perStream = (process.memoryUsage().rss - before) / 10_000;
    assert.ok(perStream < 32 * 1024, `${Math.round(perStream)} bytes a stream, client included`);
    await assertUnharmed();
  });

  it('closes every handler of clients that die', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => attacker()));
    for (const client of all) for (let stream = 1; stream < 21; stream += 2) client.call(stream, CHAT);
    await until(() => server.log.opened === 50, 'all are open');
    for (const client of all) client.destroy();
    await until(() => server.log.closed === 50, 'all are closed');
  });

  it('survives random frames', async function () {
    this.timeout(60_000);
    const bytes = fc.uint8Array({ maxLength: 64 });
    const any = fc.record({ type: fc.nat(12), flags: fc.nat(255), stream: fc.nat(9), payload: bytes });
    await fc.assert(
      fc.asyncProperty(fc.array(any, { maxLength: 30 }), async (frames) => {
        const client = await attacker();
        client.call(1, CHAT);
        for (const { type, flags, stream, payload } of frames) client.send(frame(type, flags, stream, payload));
        await assertUnharmed();
        client.destroy();
      }),
      { numRuns: 100 },
    );
  });
});
