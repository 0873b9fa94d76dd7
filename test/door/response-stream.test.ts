// What is counted of responses that are not read, and what follows from it.
import assert from 'node:assert/strict';
import type { GrpcLimits } from '../../src/door/grpc-serving.ts';
import type { GrpcCall, GrpcMethod } from '../../src/wire/grpc/method.ts';
import { EchoServer, until } from './echo.ts';
import { FLAG, FRAME, frame, message, RawClient } from './raw-http2.ts';

const KIB = 1024;
const CHAT = '/test.echo.Echo/Chat';
const NO_WINDOW = Buffer.from([0, 4, 0, 0, 0, 0]);

const SMALL: Partial<GrpcLimits> = {
  outputShareBytes: 4 * KIB,
  outputLowBytes: 16 * KIB,
  outputHighBytes: 64 * KIB,
  connectionOutputLowBytes: 64 * KIB,
  connectionOutputHighBytes: 128 * KIB,
  connectionOutputBytesMax: 512 * KIB,
  shardOutputLowBytes: 512 * KIB,
  shardOutputHighBytes: 1024 * KIB,
  shardOutputBytesMax: 1536 * KIB,
};

describe('responses that are not read', () => {
  let server: EchoServer;
  const clients: RawClient[] = [];
  const limits = SMALL;

  async function serve(options: ConstructorParameters<typeof EchoServer>[0] = {}): Promise<void> {
    await server?.stop();
    server = await new EchoServer({ limits, ...options }).start();
  }

  /** A client with so many open calls, and the calls as their handlers see them. */
  async function open(count: number, path = CHAT): Promise<{ client: RawClient; calls: GrpcCall[] }> {
    const client = await RawClient.open(server.port, NO_WINDOW);
    clients.push(client);
    const before = server.log.calls.length;
    for (let index = 0; index < count; index++) client.call(1 + 2 * index, path);
    await until(() => server.log.calls.length === before + count, 'the calls are open');
    return { client, calls: server.log.calls.slice(before) };
  }

  function say(call: GrpcCall, bytes: number): void {
    call.out.append(Buffer.alloc(bytes - 5));
    call.flushSoon();
  }

  const outputBytes = () => server.door.stats.outputBytes;
  const ended = () => server.door.stats.refused.get('output-limit') ?? 0;
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  beforeEach(() => serve());
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await until(() => server.door.stats.streams === 0, 'no stream is left');
    assert.equal(outputBytes(), 0);
    await server.stop();
    assert.deepEqual(server.unexpected, []);
  });

  it('are counted while they are gathered and while they are written', async () => {
    const { calls } = await open(2);
    say(calls[0], 1000);
    assert.equal(outputBytes(), 1000, 'gathered');
    await turn();
    say(calls[0], 10);
    say(calls[1], 100);
    assert.equal(outputBytes(), 1110, 'one in flight');
    assert.equal(outputBytes(), calls[0].pendingBytes + calls[1].pendingBytes);
  });

  it('are counted no more when their stream is reset, with what was in flight and what was gathered', async () => {
    const { client, calls } = await open(2);
    for (const call of calls) say(call, 1000);
    await turn();
    for (const call of calls) say(call, 500);
    client.send(frame(FRAME.reset, FLAG.none, 1, Buffer.from([0, 0, 0, 8])));
    await until(() => outputBytes() === 1500, 'one of the two is left');
    say(calls[0], 100);
    assert.equal(outputBytes(), 1500, 'what is said to nobody is dropped');
    client.destroy();
    await until(() => outputBytes() === 0, 'nothing is left of a lost connection');
  });

  it('are counted until they have been read, with a status behind them', async () => {
    const { client, calls } = await open(1);
    say(calls[0], 1000);
    calls[0].finish();
    await turn();
    assert.equal(outputBytes(), 1000);
    client.send(frame(FRAME.window, FLAG.none, 1, Buffer.from([0, 0, 4, 0])));
    await until(() => outputBytes() === 0, 'the response has been read');
  });

  it('are dropped when a deadline passes', async () => {
    const client = await RawClient.open(server.port, NO_WINDOW);
    clients.push(client);
    client.call(1, CHAT, { headers: { 'grpc-timeout': '100m' } });
    await until(() => server.log.calls.length === 1, 'the call is open');
    const [call] = server.log.calls;
    say(call, 1000);
    await turn();
    say(call, 500);
    await until(() => server.log.closed === 1, 'its deadline has passed');
    assert.equal(outputBytes(), 1000, 'what HTTP/2 has stays until the stream is closed');
  });

  it('end a call when its connection has too much of them, but none that says little', async () => {
    const { client, calls } = await open(7);
    for (const call of calls.slice(0, 5)) say(call, 100 * KIB);
    assert.equal(outputBytes(), 500 * KIB);
    say(calls[5], 20 * KIB);
    assert.equal(ended(), 1);
    assert.equal(outputBytes(), 500 * KIB, 'what it had to say is dropped');
    await until(() => client.of(FRAME.headers, 11).length === 1, 'it has its status');
    assert.equal(client.of(FRAME.headers, 11)[0].flags & FLAG.endStream, FLAG.endStream);
    say(calls[0], 13 * KIB);
    assert.equal(ended(), 2, 'so is one that has said much before');
    say(calls[6], 1 * KIB);
    assert.equal(ended(), 2);
    assert.equal(calls[6].congested, false);
  });

  it('do not hold or end calls of other connections', async () => {
    const bad = await open(20);
    for (const call of bad.calls) say(call, 60 * KIB);
    assert.ok(outputBytes() <= 512 * KIB, `${outputBytes()}`);
    const other = await open(1);
    say(other.calls[0], 60 * KIB);
    assert.equal(other.calls[0].congested, false);
  });

  it('make calls wait, and go on in turn when they are read', async () => {
    const { client } = await open(30, '/test.echo.Echo/Repeat');
    // Text{count: 1000} followed by 200 bytes of an unknown field: 200 KiB of responses each.
    const text = Buffer.concat([Buffer.from([0x10, 0xe8, 0x07, 0x7a, 0xc8, 0x01]), Buffer.alloc(200)]);
    const body = Buffer.concat([message(text.length).subarray(0, 5), text]);
    for (let index = 0; index < 30; index++) client.send(frame(FRAME.data, FLAG.endStream, 1 + 2 * index, body));
    await until(() => server.log.calls.filter(({ congested }) => congested).length === 30, 'all producers wait');
    assert.ok(outputBytes() < 300 * KIB, `${outputBytes()}`);
    const window = Buffer.from([0, 0x10, 0, 0]);
    client.send(frame(FRAME.window, 0, 0, Buffer.from([0, 0x80, 0, 0])));
    for (let index = 0; index < 30; index++) client.send(frame(FRAME.window, 0, 1 + 2 * index, window));
    let most = 0;
    await until(() => {
      most = Math.max(most, outputBytes());
      return server.log.closed === 30;
    }, 'everything has been said');
    assert.ok(most < 512 * KIB, `${most}`);
    assert.equal(ended(), 0);
  });

  it('keep requests from being read when drained() has congested the call again', async () => {
    let received = 0;
    let drained = 0;
    let opened: GrpcCall | undefined;
    const method: GrpcMethod = {
      path: '/test.Greedy/Talk',
      requestStream: true,
      responseStream: true,
      open: (call) => {
        opened = call;
        return {
          message: () => received++,
          end: () => {},
          closed: () => {},
          drained: () => {
            drained++;
            say(call, 100 * KIB);
          },
        };
      },
    };
    await serve({ methods: [method] });
    const client = await RawClient.open(server.port, NO_WINDOW);
    clients.push(client);
    client.call(1, method.path);
    await until(() => opened !== undefined, 'the call is open');
    say(opened as GrpcCall, 65 * KIB);
    client.send(frame(FRAME.data, FLAG.none, 1, message(10)));
    const big = Buffer.from([0, 0x10, 0, 0]);
    client.send(frame(FRAME.window, 0, 0, big), frame(FRAME.window, 0, 1, Buffer.from([0, 1, 0x04, 0])));
    await until(() => drained === 1, 'the call is drained');
    for (let index = 0; index < 10; index++) await turn();
    assert.equal(opened?.congested, true);
    assert.equal(received, 0);
  });
});
