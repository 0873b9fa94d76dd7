import assert from 'node:assert/strict';
import { HsmqClient, message, textOf } from './support/hsmq-client.ts';
import { NodeProcess } from './support/node-process.ts';
import { until } from './support/until.ts';

interface QueueAnswer {
  readonly ledger: Record<string, number>;
}

const TOML = `
[[queues]]
name = "q"
topics = ["t", "both"]
ack_timeout = 30
[[queues]]
name = "other"
topics = ["both"]
[[queues]]
name = "quick"
topics = ["quick"]
ack_timeout = 0.2
[[queues]]
name = "small"
topics = ["small"]
limit = 2
[[queues]]
name = "strict"
topics = ["strict"]
limit = 1
overflow = "reject"
[[queues]]
name = "patient"
topics = ["patient"]
limit = 1
overflow = "block"
[[queues]]
name = "twice"
topics = ["twice"]
max_deliveries = 2
dead_letter_queue = "dead"
[[queues]]
name = "dead"
[[queues]]
name = "once"
topics = ["once"]
dedup_window = 60
`;

for (const shards of [1, 2]) {
  describe(`hsmq on ${shards} shard${shards > 1 ? 's' : ''}`, function () {
    this.timeout(60_000);
    let node: NodeProcess;
    const clients: HsmqClient[] = [];

    before(async () => {
      node = await NodeProcess.start({ toml: TOML, shards });
    });
    afterEach(async () => {
      for (const client of clients.splice(0)) client.close();
      const ledger = await node.admin<{ balanced: boolean; imbalance: number }>('/api/v1/ledger');
      assert.deepEqual([ledger.balanced, ledger.imbalance], [true, 0]);
      for (const queue of ['q', 'other', 'quick', 'small', 'strict', 'patient', 'twice', 'dead', 'once'])
        await purge(queue);
    });
    after(() => node.stop());

    function client(): HsmqClient {
      const made = new HsmqClient(node.address);
      clients.push(made);
      return made;
    }

    async function ledger(queue: string): Promise<Record<string, number>> {
      return (await node.admin<QueueAnswer>(`/api/v1/queues/${encodeURIComponent(queue)}`)).ledger;
    }

    /** Empties a queue once its clients are gone, so that each test starts with nothing. */
    async function purge(queue: string): Promise<void> {
      await until(async () => (await ledger(queue)).inFlight === 0, `${queue} to have nothing in flight`);
      await node.admin(`/api/v1/queues/${encodeURIComponent(queue)}/purge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
    }

    it('Publish answers with the id, queue and shard that the delivery carries', async () => {
      const { message_meta: meta, kind } = await client().publish('t', 'hello', { a: 'b' });
      assert.equal(kind, 'message_meta');
      const stream = client().stream();
      stream.subscribe('q', 1);
      const delivery = await stream.nextMessage();
      assert.deepEqual(delivery.meta, meta);
      assert.equal(meta?.queue, 'q');
      assert.match(meta?.id ?? '', /^[0-9a-f-]{14}-?7/);
      assert.deepEqual(
        [delivery.message.topic, textOf(delivery.message), delivery.message.headers],
        ['t', 'hello', { a: 'b' }],
      );
      stream.ack(delivery.meta);
      assert.deepEqual((await stream.next()).message_ack, { meta: delivery.meta });
    });

    it('Publish to a topic without a queue is NOT_FOUND with the text of the original', async () => {
      await assert.rejects(client().publish('nowhere', 'x'), {
        code: 5,
        details: 'Subscribers for topic nowhere not found',
      });
    });

    it('PublishQos0 answers with the count, and one message reaches every bound queue', async () => {
      const before = [(await ledger('q')).accepted, (await ledger('other')).accepted];
      assert.deepEqual((await client().publishQos0('both', ['1', '2', '3'])).count, 3);
      await until(async () => (await ledger('q')).accepted === before[0] + 3, 'q');
      await until(async () => (await ledger('other')).accepted === before[1] + 3, 'other');
    });

    it('SubscribeQueue delivers in order and acks for the client', async () => {
      const texts = Array.from({ length: 2000 }, (_, index) => String(index));
      await client().publishQos0('t', texts);
      const call = client().stub.SubscribeQueue({ queues: ['q'] }, client().metadata);
      const received: string[] = [];
      call.on('data', (response) => received.push(textOf(response.message)));
      call.on('error', () => {});
      const acked = (await ledger('q')).acked;
      await until(() => received.length === texts.length, 'all messages');
      assert.deepEqual(received, texts);
      await until(async () => (await ledger('q')).acked >= acked && (await ledger('q')).inFlight === 0, 'acks');
      call.cancel();
    });

    it('Streaming answers every kind of request', async () => {
      const stream = client().stream();
      stream.send({ ping: {} });
      assert.equal((await stream.next()).kind, 'pong');
      await stream.publish('t', 'one');
      stream.send({ publish_message: { message: message('nowhere', 'x'), qos: 1, request_id: 'r' } });
      assert.deepEqual((await stream.next()).pub_error, {
        info: 'Subscribers for topic nowhere not found',
        topic: 'nowhere',
        request_id: 'r',
      });
      stream.send({ fetch_message: { queue: 'q', timeout: 5, autoack: true } });
      assert.equal(textOf((await stream.nextMessage()).message), 'one');
      stream.send({ fetch_message: { queue: 'q', timeout: 0.05 } });
      assert.deepEqual((await stream.next()).fetch_message_timeout, { queue: 'q' });
      stream.send({ fetch_message: { queue: 'unknown', timeout: 1 } });
      assert.equal((await stream.next()).fetch_message_error?.queue, 'unknown');
      stream.call.end();
      await until(() => stream.status !== undefined, 'the end');
      assert.equal(stream.status?.code, 0);
      assert.equal((await ledger('q')).inFlight, 0);
    });

    it('alternates messages and ack echoes for a consumer with prefetch 1', async () => {
      const stream = client().stream();
      for (let index = 0; index < 10; index++) await stream.publish('t', String(index));
      stream.subscribe('q', 1);
      const kinds: string[] = [];
      for (let index = 0; index < 10; index++) {
        const response = await stream.next();
        kinds.push(response.kind);
        if (response.kind === 'message' && response.message) stream.ack(response.message.meta);
      }
      assert.deepEqual(kinds, Array.from({ length: 5 }, () => ['message', 'message_ack']).flat());
    });

    it('requeue brings a message back to the head at once, with the next delivery', async () => {
      const stream = client().stream();
      for (const text of ['a', 'b', 'c']) await stream.publish('t', text);
      stream.subscribe('q', 1);
      const first = await stream.nextMessage();
      stream.send({ message_requeue: { meta: first.meta } });
      const again = await stream.nextMessage();
      assert.deepEqual(again.meta, first.meta);
      stream.ack(again.meta);
      assert.equal(textOf((await stream.nextMessage()).message), 'b');
    });

    it('every unacked message has its own timeout, with prefetch, and the credit comes back', async () => {
      const publisher = client().stream();
      for (const text of ['a', 'b', 'c', 'd']) await publisher.publish('quick', text);
      const stream = client().stream();
      stream.subscribe('quick', 2);
      const seen: string[] = [];
      while (seen.filter((text) => text === 'a').length < 3) seen.push(textOf((await stream.nextMessage()).message));
      assert.deepEqual(seen.slice(0, 4), ['a', 'b', 'a', 'b']);
      assert.ok((await ledger('quick')).ackTimeout >= 4);
    });

    it('a fetched message that is not acked comes back after its timeout', async () => {
      const stream = client().stream();
      await stream.publish('quick', 'a');
      stream.send({ fetch_message: { queue: 'quick', timeout: 1 } });
      const first = await stream.nextMessage();
      stream.send({ fetch_message: { queue: 'quick', timeout: 5 } });
      const second = await stream.nextMessage();
      assert.deepEqual(second.meta, first.meta);
      stream.ack(second.meta);
      stream.ack(second.meta);
      assert.equal((await stream.next()).kind, 'message_ack');
      assert.equal((await stream.next()).kind, 'message_ack');
    });

    it('1,000 unacked messages of a client that dies all come back, in order', async () => {
      const texts = Array.from({ length: 1000 }, (_, index) => String(index));
      await client().publishQos0('t', texts);
      const doomed = client();
      const held = doomed.stream();
      held.subscribe('q', 1000);
      await until(() => held.received.length === 1000, 'the deliveries');
      held.call.cancel();
      doomed.close();
      const heir = client().stream();
      heir.subscribe('q', 1000);
      await until(() => heir.received.length === 1000, 'the redeliveries');
      assert.deepEqual(
        heir.received.map((response) => textOf(response.message?.message as never)),
        texts,
      );
      for (const response of heir.received) heir.ack(response.message?.meta as never);
      await until(async () => (await ledger('q')).inFlight === 0, 'the acks');
    });

    it('drops the oldest over the limit, rejects, or makes the publisher wait, as the queue says', async () => {
      const stream = client().stream();
      for (const text of ['a', 'b', 'c']) await stream.publish('small', text);
      assert.equal((await ledger('small')).ready, 2);
      await stream.publish('strict', 'a');
      stream.send({ publish_message: { message: message('strict', 'b'), qos: 1, request_id: 'b' } });
      assert.match((await stream.next()).pub_error?.info ?? '', /"strict" is full/);
      await stream.publish('patient', 'a');
      stream.send({ publish_message: { message: message('patient', 'b'), qos: 1, request_id: 'b' } });
      stream.send({ ping: {} });
      assert.equal((await stream.next()).kind, 'pong');
      stream.send({ fetch_message: { queue: 'patient', timeout: 5, autoack: true } });
      const kinds = [(await stream.next()).kind, (await stream.next()).kind].sort();
      assert.deepEqual(kinds, ['message', 'pub_ack']);
    });

    it('moves a message that was delivered too often to the dead-letter queue', async () => {
      const stream = client().stream();
      await stream.publish('twice', 'poison');
      stream.subscribe('twice', 1);
      for (let delivery = 0; delivery < 2; delivery++)
        stream.send({ message_requeue: { meta: (await stream.nextMessage()).meta } });
      stream.send({ fetch_message: { queue: 'dead', timeout: 5, autoack: true } });
      const dead = await stream.nextMessage();
      assert.deepEqual([textOf(dead.message), dead.meta.queue, dead.message.topic], ['poison', 'dead', 'twice']);
    });

    it('honours time to live, delay, priority and message id of a publish', async () => {
      const stream = client().stream();
      await stream.publish('t', 'late', { 'ringmq-delay-ms': '300' });
      await stream.publish('t', 'low');
      await stream.publish('t', 'high', { 'ringmq-priority': '5' });
      await stream.publish('t', 'gone', { 'ringmq-ttl-ms': '1' });
      await until(async () => (await ledger('q')).expired > 0, 'the expiry');
      stream.subscribe('q', 10);
      const texts = [await stream.nextMessage(), await stream.nextMessage(), await stream.nextMessage()].map((got) =>
        textOf(got.message),
      );
      assert.deepEqual(texts, ['high', 'low', 'late']);
      for (let count = 0; count < 2; count++) await client().publish('once', 'x', { 'ringmq-message-id': 'm-1' });
      assert.equal((await ledger('once')).ready, 1);
    });

    it('a queue declared at run time works at once and is gone after its idle time to live', async () => {
      const body = JSON.stringify({ name: 'dynamic', topics: ['dyn'], idleTtlMs: 200 });
      await node.admin('/api/v1/queues/dynamic', {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const stream = client().stream();
      await stream.publish('dyn', 'x');
      stream.call.end();
      await until(async () => {
        const list = await node.admin<{ queues: { name: string }[] }>('/api/v1/queues');
        return !list.queues.some((queue) => queue.name === 'dynamic');
      }, 'the queue to go');
      await assert.rejects(client().publish('dyn', 'x'), { code: 5 });
    });

    it('one client’s malformed message ends its stream alone, with a clear text', async () => {
      const good = client().stream();
      good.send({ ping: {} });
      await good.next();
      const bad = client();
      const call = bad.stub.makeBidiStreamRequest(
        '/hsmq.v1.hsmq.HSMQ/Streaming',
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        bad.metadata,
      );
      const status = await new Promise<{ code: number; details: string }>((resolve) => {
        call.on('error', () => {});
        call.on('data', () => {});
        call.on('status', resolve);
        call.write(Buffer.from('0bff', 'hex'));
      });
      assert.equal(status.code, 3);
      assert.match(status.details, /Cannot decode Request/);
      good.send({ ping: {} });
      assert.equal((await good.next()).kind, 'pong');
    });
  });
}
