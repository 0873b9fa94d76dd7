import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { RingClient, RingError } from '../../src/client/index.ts';
import type { RingClientOptions } from '../../src/client/options.ts';
import { until } from '../e2e/support/until.ts';
import { FakeNode } from './fake-node.ts';

describe('RingClient', () => {
  let node: FakeNode;
  const clients: RingClient[] = [];

  beforeEach(async () => {
    node = await new FakeNode('q', 'other').start();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    node.stop();
  });

  async function connect(options: RingClientOptions = {}): Promise<RingClient> {
    const client = await RingClient.connect({ address: node.address, ...options });
    clients.push(client);
    return client;
  }

  describe('connect()', () => {
    it('fails at once where nobody listens, and says what the system said', async () => {
      node.stop();
      await assert.rejects(connect(), (error: RingError) => {
        assert.ok(error instanceof RingError);
        assert.equal(error.code, 'unavailable');
        assert.match(error.message, /^Cannot connect to 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
        return true;
      });
    });

    it('fails when the node is silent', async () => {
      const { createServer } = await import('node:net');
      const sockets: Socket[] = [];
      const mute = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
      await new Promise((resolve) => mute.once('listening', resolve));
      const { port } = mute.address() as { port: number };
      const attempt = RingClient.connect({ address: `127.0.0.1:${port}`, connectTimeoutMs: 50 });
      await assert.rejects(attempt, { code: 'unavailable', message: /no gRPC node answered in 50 ms/ });
      mute.close();
      // grpc-js keeps a connection that never greeted it, even when its channel is closed.
      for (const socket of sockets) socket.destroy();
    });

    it('tells a refused token from a node that is not there, without the token', async () => {
      node.token = 'right';
      await assert.rejects(connect({ token: 'wrong-secret' }), (error: RingError) => {
        assert.equal(error.code, 'unauthenticated');
        assert.doesNotMatch(error.message, /wrong-secret/);
        return true;
      });
      await (await connect({ token: 'right' })).publish('q', 'x');
    });

    it('refuses options out of their range', async () => {
      await assert.rejects(connect({ windowMax: 0 }), {
        code: 'invalid-argument',
        message: /windowMax 0, expected 1 to 8192/,
      });
      await assert.rejects(connect({ tls: { cert: 'x' } }), { code: 'invalid-argument', message: /needs its key/ });
    });
  });

  describe('publish()', () => {
    it('resolves when confirmed; bytes, key and headers arrive as given', async () => {
      const client = await connect();
      const data = new Uint8Array([0, 255, 1]).subarray(1);
      await client.publish('q', data, { key: 'k', headers: { a: 'b' }, typeUrl: 't' });
      const message = await client.fetch('q');
      assert.deepEqual([...(message?.data ?? [])], [255, 1]);
      assert.deepEqual([message?.key, message?.headers, message?.typeUrl, message?.topic], ['k', { a: 'b' }, 't', 'q']);
    });

    it('sends its options as reserved headers', async () => {
      const client = await connect();
      await client.publish('q', 'x', { ttlMs: 5, delayMs: 0, priority: 9, messageId: 'm', headers: { a: 'b' } });
      assert.deepEqual(node.published[0].headers, {
        a: 'b',
        'ringmq-ttl-ms': '5',
        'ringmq-delay-ms': '0',
        'ringmq-priority': '9',
        'ringmq-message-id': 'm',
      });
      await assert.rejects(client.publish('q', 'x', { priority: 10 }), {
        code: 'invalid-argument',
        message: /priority 10/,
      });
      await assert.rejects(client.publish('q', 'x', { ttlMs: -1 }), { code: 'invalid-argument' });
    });

    it('pipelines a window and keeps the order', async () => {
      const client = await connect({ windowMax: 8 });
      const texts = Array.from({ length: 500 }, (_, index) => String(index));
      await Promise.all(texts.map((text) => client.publish('q', text)));
      assert.deepEqual(
        node.published.map((message) => message.data?.value.toString()),
        texts,
      );
    });

    it('never has more than the window on its way', async () => {
      const client = await connect({ windowMax: 3 });
      node.silent = true;
      const publishes = Array.from({ length: 10 }, () =>
        client.publish('q', 'x').catch((error: RingError) => error.code),
      );
      await client.fetch('q', { timeoutMs: 20 });
      assert.equal(node.published.length, 3);
      node.silent = false;
      node.cut();
      assert.deepEqual(
        await Promise.all(publishes),
        Array.from({ length: 10 }, () => undefined),
      );
    });

    it('fails for a topic without a queue, and the next one passes', async () => {
      const client = await connect();
      const both = await Promise.allSettled([client.publish('nowhere', 'x'), client.publish('q', 'x')]);
      assert.deepEqual(
        both.map(({ status }) => status),
        ['rejected', 'fulfilled'],
      );
      await assert.rejects(client.publish('nowhere', 'x'), {
        code: 'not-found',
        message: 'Subscribers for topic nowhere not found',
      });
    });

    it('QoS 0 is not waited for', async () => {
      const client = await connect();
      node.silent = true;
      await client.publish('q', 'x', { qos: 0 });
    });

    it('sends again what was not confirmed when the stream broke', async () => {
      const client = await connect();
      node.silent = true;
      const publishes = ['a', 'b', 'c'].map((text) => client.publish('q', text));
      await until(() => node.published.length === 3, 'the publishes');
      node.silent = false;
      node.cut();
      await Promise.all(publishes);
      assert.deepEqual(
        node.queue('q').ready.map(({ message }) => message.data?.value.toString()),
        ['a', 'b', 'c'],
      );
    });

    it('outlives a node that goes away and comes back', async () => {
      const client = await connect();
      await client.publish('q', 'before');
      node.stop();
      const during = client.publish('q', 'during');
      await node.start();
      await during;
      assert.equal(node.queue('q').ready.length, 2);
    });

    it('gives up after retryTimeoutMs', async () => {
      const client = await connect({ retryTimeoutMs: 0 });
      node.stop();
      await assert.rejects(client.publish('q', 'x'), { code: 'unavailable' });
    });

    it('holds publishes while the node drains, until the node that comes after it', async () => {
      const client = await connect();
      await client.publish('q', 'x');
      node.draining = true;
      const held = client.publish('q', 'y');
      await until(() => node.calls.size === 0, 'the stream to end');
      node.draining = false;
      await held;
    });

    it('publishForId() tells the id that the delivery has', async () => {
      const client = await connect();
      const { id, queue } = await client.publishForId('q', 'x');
      const message = await client.fetch('q');
      assert.deepEqual([message?.id, message?.queue], [id, queue]);
      await assert.rejects(client.publishForId('nowhere', 'x'), { code: 'not-found' });
    });

    it('publishStream() counts what the node took', async () => {
      const stream = (await connect()).publishStream();
      for (let index = 0; index < 1000; index++) await stream.write('q', `m${index}`);
      assert.equal(await stream.end(), 1000);
      assert.equal(node.queue('q').ready.length, 1000);
    });

    it('publishStream() tells a topic without a queue', async () => {
      const stream = (await connect()).publishStream();
      await stream.write('nowhere', 'x');
      await assert.rejects(stream.end(), { code: 'not-found' });
    });
  });

  describe('consume()', () => {
    it('gives messages in order; acks count, also the last one before leaving the loop', async () => {
      const client = await connect();
      for (const text of ['a', 'b', 'c']) await client.publish('q', text);
      const texts: string[] = [];
      for await (const message of client.consume('q', { prefetch: 2 })) {
        texts.push(message.text());
        message.ack();
        if (texts.length === 3) break;
      }
      assert.deepEqual(texts, ['a', 'b', 'c']);
      assert.deepEqual([node.queue('q').acked, node.queue('q').unacked.size, node.queue('q').ready.length], [3, 0, 0]);
    });

    it('leaves unacked messages to the queue', async () => {
      const client = await connect();
      for (const text of ['a', 'b', 'c']) await client.publish('q', text);
      for await (const message of client.consume('q', { prefetch: 3 })) {
        message.ack();
        break;
      }
      await until(() => node.queue('q').ready.length === 2, 'the others to come back');
    });

    it('requeue() brings a message back', async () => {
      const client = await connect();
      await client.publish('q', 'a');
      let count = 0;
      for await (const message of client.consume('q')) {
        if (++count === 2) break;
        message.requeue();
      }
      assert.equal(count, 2);
    });

    it('autoAck acks what it hands out and nothing else', async () => {
      const client = await connect();
      for (const text of ['a', 'b', 'c']) await client.publish('q', text);
      for await (const _ of client.consume('q', { prefetch: 3, autoAck: true })) break;
      await until(() => node.queue('q').ready.length === 2, 'the others to come back');
      assert.equal(node.queue('q').acked, 1);
    });

    it('throws for an unknown queue', async () => {
      const client = await connect();
      await assert.rejects(client.consume('nope').next(), { code: 'not-found', message: /queue "nope" not found/ });
    });

    it('subscribes again when the stream broke; what was not acked comes again', async () => {
      const client = await connect();
      await client.publish('q', 'a');
      const consumer = client.consume('q');
      assert.equal((await consumer.next()).value?.text(), 'a');
      node.cut();
      const again = (await consumer.next()).value;
      assert.equal(again?.text(), 'a');
      again?.ack();
      await until(() => node.queue('q').acked === 1, 'the ack');
    });

    it('fails when the node stays away', async () => {
      const client = await connect({ retryTimeoutMs: 0 });
      const consumer = client.consume('q');
      const next = consumer.next();
      await until(() => node.queue('q').consumers.length === 1, 'the subscription');
      node.stop();
      await assert.rejects(next, { code: 'unavailable' });
      assert.deepEqual(await consumer.next(), { done: true, value: undefined });
    });

    it('ends by a signal, by close(), and at once by one that was aborted before', async () => {
      const client = await connect();
      const aborting = new AbortController();
      const next = client.consume('q', { signal: aborting.signal }).next();
      aborting.abort();
      assert.equal((await next).done, true);
      assert.equal((await client.consume('q', { signal: AbortSignal.abort() }).next()).done, true);
      const other = client.consume('other').next();
      await client.close();
      assert.equal((await other).done, true);
    });
  });

  describe('fetch()', () => {
    it('gives undefined when nothing came in time', async () => {
      assert.equal(await (await connect()).fetch('q', { timeoutMs: 10 }), undefined);
    });

    it('waits for a message, and many fetches of one queue wait side by side', async () => {
      const client = await connect();
      const short = client.fetch('q', { timeoutMs: 20 });
      const long = [client.fetch('q', { timeoutMs: 5000 }), client.fetch('q', { timeoutMs: 5000 })];
      assert.equal(await short, undefined);
      await client.publish('q', 'a');
      await client.publish('q', 'b');
      assert.deepEqual((await Promise.all(long)).map((message) => message?.text()).sort(), ['a', 'b']);
    });

    it('acks by hand, or lets the node ack', async () => {
      const client = await connect();
      for (const text of ['a', 'b', 'c']) await client.publish('q', text);
      (await client.fetch('q'))?.ack();
      await client.fetch('q', { autoAck: true });
      (await client.fetch('q'))?.requeue();
      await until(() => node.queue('q').acked === 2, 'both acks');
      await until(() => node.queue('q').ready.length === 1, 'the third to be back');
    });

    it('throws for an unknown queue, a bad timeout and a lost connection', async () => {
      const client = await connect();
      await assert.rejects(client.fetch('nope'), { code: 'not-found', message: 'Queue "nope" not found' });
      await assert.rejects(client.fetch('q', { timeoutMs: -1 }), { code: 'invalid-argument' });
      const waiting = client.fetch('q', { timeoutMs: 5000 });
      await until(() => node.queue('q').consumers.length === 1, 'the fetch');
      node.cut();
      await assert.rejects(waiting, { code: 'unavailable' });
    });
  });

  it('close() waits for confirms under way, and refuses what comes after', async () => {
    const client = await connect();
    const under = client.publish('q', 'x');
    await client.close();
    await under;
    await assert.rejects(client.publish('q', 'x'), { code: 'cancelled' });
  });
});
