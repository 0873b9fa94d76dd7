import assert from 'node:assert/strict';
import { type ReceivedMessage, RingClient } from '../../src/client/index.ts';
import { NodeProcess } from '../e2e/support/node-process.ts';
import { until } from '../e2e/support/until.ts';

const TOML = `
[[queues]]
name = "q"
topics = ["t"]
[[queues]]
name = "strict"
topics = ["strict"]
limit = 1
overflow = "reject"
`;

interface Ledger {
  readonly balanced: boolean;
  readonly total: Readonly<Record<string, number>>;
}

describe('RingClient on a node of two shards', function () {
  this.timeout(60_000);
  let node: NodeProcess;
  const clients: RingClient[] = [];

  before(async () => {
    node = await NodeProcess.start({ toml: TOML, shards: 2 });
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await until(async () => (await ledger()).total.inFlight === 0, 'nothing in flight');
    assert.equal((await ledger()).balanced, true);
  });
  after(() => node.stop());

  async function connect(): Promise<RingClient> {
    const client = await RingClient.connect({ address: node.address });
    clients.push(client);
    return client;
  }

  function ledger(): Promise<Ledger> {
    return node.admin<Ledger>('/api/v1/ledger');
  }

  /** Takes and acks messages until there are as many as wanted. */
  async function take(client: RingClient, wanted: number): Promise<ReceivedMessage[]> {
    const taken: ReceivedMessage[] = [];
    for await (const message of client.consume('q', { prefetch: 100 })) {
      message.ack();
      taken.push(message);
      if (taken.length === wanted) break;
    }
    return taken;
  }

  it('20,000 confirmed publishes arrive in order, each once', async () => {
    const texts = Array.from({ length: 20_000 }, (_, index) => String(index));
    const publisher = await connect();
    const consumed = take(await connect(), texts.length);
    await Promise.all(texts.map((text) => publisher.publish('t', text)));
    assert.deepEqual(
      (await consumed).map((message) => message.text()),
      texts,
    );
    const { total } = await ledger();
    assert.deepEqual([total.acked, total.redelivered, total.ready], [20_000, 0, 0]);
  });

  it('a stream without confirms counts what the node took', async () => {
    const stream = (await connect()).publishStream();
    for (let index = 0; index < 5_000; index++) await stream.write('t', 'x');
    assert.equal(await stream.end(), 5_000);
    assert.equal((await take(await connect(), 5_000)).length, 5_000);
  });

  it('tells the id, the refusals of a full queue and an unknown topic by their codes', async () => {
    const client = await connect();
    const { id } = await client.publishForId('t', 'x', { key: 'k' });
    const message = await client.fetch('q', { timeoutMs: 5_000, autoAck: true });
    assert.deepEqual([message?.id, message?.key], [id, 'k']);
    await client.publish('strict', '1');
    await assert.rejects(client.publish('strict', '2'), { code: 'resource-exhausted' });
    await assert.rejects(client.publishForId('strict', '2'), { code: 'resource-exhausted' });
    await assert.rejects(client.publish('nowhere', 'x'), { code: 'not-found' });
    await assert.rejects(client.consume('nowhere').next(), { code: 'not-found' });
    await assert.rejects(client.fetch('nowhere'), { code: 'not-found' });
  });

  it('options of a publish reach the queue', async () => {
    const client = await connect();
    await client.publish('t', 'low');
    await client.publish('t', 'high', { priority: 9 });
    await client.publish('t', 'late', { delayMs: 200 });
    const texts = (await take(client, 3)).map((message) => message.text());
    assert.deepEqual(texts, ['high', 'low', 'late']);
  });

  it('a consumer that leaves its loop gives back what it did not ack', async () => {
    const client = await connect();
    for (const text of ['a', 'b', 'c']) await client.publish('t', text);
    for await (const _ of client.consume('q', { prefetch: 3 })) break;
    assert.deepEqual(
      (await take(client, 3)).map((message) => message.text()),
      ['a', 'b', 'c'],
    );
  });

  it('a consumer of a queue that is deleted is told', async () => {
    const headers = { 'content-type': 'application/json' };
    await node.admin('/api/v1/queues/gone', { method: 'PUT', headers, body: '{"topics":["gone"]}' });
    const consumer = (await connect()).consume('gone');
    const told = assert.rejects(consumer.next(), { code: 'not-found', message: /was deleted/ });
    await until(async () => (await node.admin<{ consumers: number }>('/api/v1/queues/gone')).consumers === 1);
    await node.admin('/api/v1/queues/gone', { method: 'DELETE' });
    await told;
  });
});
