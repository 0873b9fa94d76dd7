// The life of one call: its deadline, its end, what it waits for.
import assert from 'node:assert/strict';
import { type ClientDuplexStream, status } from '@grpc/grpc-js';
import { BrokerError } from '../../src/base/errors.ts';
import { EchoServer, type Text, until } from './echo.ts';
import { all, type EchoClient, metadata, unary } from './echo-calls.ts';

describe('OpenCall', () => {
  let server: EchoServer;
  let client: EchoClient;

  async function serve(options: ConstructorParameters<typeof EchoServer>[0] = {}, channel = {}): Promise<void> {
    await server?.stop();
    server = await new EchoServer(options).start();
    client = server.client(channel);
  }

  beforeEach(() => serve());
  afterEach(() => server.stop());

  describe('deadlines and cancellation', () => {
    it('ends a call that takes too long with DEADLINE_EXCEEDED and closes its handler', async () => {
      const { error } = await unary(client, {}, { 'x-do': 'hang', 'grpc-timeout': '50m' });
      assert.equal(error?.code, status.DEADLINE_EXCEEDED);
      await until(() => server.log.closed === 1, 'the handler is closed');
      assert.equal(server.door.stats.refused.get('deadline'), 1);
    });

    it('tells the handler when the deadline is', async () => {
      const before = Date.now();
      await unary(client, {}, {}, { deadline: before + 60_000 });
      const { deadlineMs } = server.log.calls[0];
      assert.ok(deadlineMs > before && deadlineMs < before + 61_000, `${deadlineMs - before}`);
    });

    it('closes the handler of a cancelled call', async () => {
      const call = client.Chat();
      call.on('error', () => {});
      call.write({ text: 'x' });
      await new Promise((resolve) => call.once('data', resolve));
      call.cancel();
      await until(() => server.log.closed === 1, 'the handler is closed');
      await until(() => server.door.stats.streams === 0, 'the stream is closed');
    });

    it('closes every handler of a connection that is lost', async () => {
      const calls = Array.from({ length: 20 }, () => client.Chat());
      for (const call of calls) {
        call.on('error', () => {});
        call.write({ text: 'x' });
      }
      await until(() => server.log.messages === 20, 'all calls are open');
      client.close();
      for (const call of calls) call.cancel();
      await until(() => server.log.closed === 20, 'the handlers are closed');
    });
  });

  describe('flow control', () => {
    it('stops the client of a paused call and loses nothing', async () => {
      const call: ClientDuplexStream<Partial<Text>, Text> = client.Chat(metadata({ 'x-do': 'pause' }));
      const received: Text[] = [];
      call.on('data', (text: Text) => received.push(text));
      for (let sent = 0; sent < 100; sent++) call.write({ text: 'x'.repeat(10_000), count: sent });
      await until(() => server.door.stats.bytesIn >= 256 * 1024, 'one window has arrived');
      assert.equal(server.log.messages, 0);
      assert.ok(server.door.stats.bufferedBytes <= 256 * 1024);
      server.log.calls[0].resume();
      await until(() => received.length === 100, 'everything has come back');
      assert.deepEqual(
        received.map(({ count }) => count),
        Array.from({ length: 100 }, (_, index) => index),
      );
      call.end();
      await until(() => server.log.closed === 1, 'the call is closed');
      assert.equal(server.door.stats.bufferedBytes, 0);
    });

    it('delivers the end of a request that came while the call was paused', async () => {
      const call: ClientDuplexStream<Partial<Text>, Text> = client.Chat(metadata({ 'x-do': 'pause' }));
      call.write({ text: 'x' });
      call.end();
      await until(() => server.door.stats.bytesIn > 0, 'the message has arrived');
      server.log.calls[0].resume();
      assert.equal((await all(call)).length, 1);
    });
  });

  describe('authorization', () => {
    it('may take its time: nothing that arrives meanwhile is lost', async () => {
      let admit = (): void => {};
      const admitted = new Promise<void>((resolve) => {
        admit = resolve;
      });
      await serve({
        authorize: async () => {
          await admitted;
          return { name: 'late', kind: 'token' };
        },
      });
      const call: ClientDuplexStream<Partial<Text>, Text> = client.Chat();
      for (let sent = 0; sent < 500; sent++) call.write({ text: 'x'.repeat(100) });
      call.end();
      await until(() => server.door.stats.bytesIn > 50_000, 'the messages have arrived');
      assert.equal(server.log.opened, 0);
      admit();
      assert.equal((await all(call)).length, 500);
      assert.equal(server.log.calls[0].principal.name, 'late');
    });

    for (const kind of ['thrown', 'rejected'] as const) {
      it(`refuses with the error that is ${kind}`, async () => {
        const error = new BrokerError('unauthenticated', 'Cannot authenticate: no token');
        await serve({
          authorize: () => {
            if (kind === 'thrown') throw error;
            return Promise.reject(error);
          },
        });
        const outcome = await unary(client, { text: 'x' });
        assert.equal(outcome.error?.code, status.UNAUTHENTICATED);
        assert.equal(outcome.error?.details, 'Cannot authenticate: no token');
        assert.equal(server.log.opened, 0);
        assert.equal(server.door.stats.refused.get('auth-failed'), 1);
      });
    }

    it('closes nothing twice when the client leaves before it is decided', async () => {
      let admit = (): void => {};
      await serve({
        authorize: () =>
          new Promise((resolve) => {
            admit = () => resolve({ name: 'x', kind: 'token' });
          }),
      });
      const call = client.Chat();
      call.on('error', () => {});
      call.write({ text: 'x' });
      await until(() => server.door.stats.streams === 1, 'the call has arrived');
      call.cancel();
      await until(() => server.door.stats.streams === 0, 'the call is gone');
      admit();
      assert.equal(
        (await unary(server.client(), {}, {}, { deadline: Date.now() + 100 })).error?.code,
        status.DEADLINE_EXCEEDED,
      );
      assert.equal(server.log.opened, 0);
    });
  });
});
