import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect } from 'node:http2';
import { GRPC_LIMITS } from '../../src/base/limits.ts';
import { HsmqClient, textOf } from './support/hsmq-client.ts';
import { NodeProcess } from './support/node-process.ts';
import { until } from './support/until.ts';

const QUEUES = ['q0', 'q1', 'q2', 'q3'];
const STREAMS = 300;
const MESSAGES_PER_QUEUE = 5_000;
const TEXT = 'x'.repeat(4_096);
const TOML = [...QUEUES, 'other'].map((name) => `[[queues]]\nname = "${name}"\ntopics = ["${name}"]\n`).join('');

/** Request{subscribe_queue: {queues: name, prefetch_count: 1000}} as a framed message. */
function subscribeRequest(name: string): Buffer {
  const subscribe = Buffer.concat([Buffer.of(0x0a, name.length), Buffer.from(name), Buffer.of(0x10, 0xe8, 0x07)]);
  return Buffer.concat([Buffer.of(0, 0, 0, 0, subscribe.length + 2, 0x0a, subscribe.length), subscribe]);
}

interface Stats {
  readonly shards: readonly { readonly grpc: { outputBytes: number; streams: number; refused: object } }[];
}
interface Queue {
  readonly consumers: number;
  readonly ledger: { readonly ready: number; readonly accepted: number };
}

describe('a node and a client that reads none of its many streams', function () {
  this.timeout(120_000);
  let node: NodeProcess;
  let good: HsmqClient;
  let bad: ClientHttp2Session;

  const door = async () => (await node.admin<Stats>('/api/v1/stats')).shards[0].grpc;
  const queue = (name: string) => node.admin<Queue>(`/api/v1/queues/${name}`);

  async function sum(of: (queue: Queue) => number): Promise<number> {
    const all = await Promise.all(QUEUES.map(queue));
    return all.reduce((total, each) => total + of(each), 0);
  }

  beforeEach(async () => {
    node = await NodeProcess.start({ toml: TOML, shards: 1 });
    good = new HsmqClient(node.address);
    const texts = new Array<string>(MESSAGES_PER_QUEUE).fill(TEXT);
    for (const name of QUEUES) await good.publishQos0(name, texts);
    await until(async () => (await sum(({ ledger }) => ledger.ready)) === QUEUES.length * texts.length, 'the backlog');
    bad = connect(`http://${node.address}`, { settings: { initialWindowSize: 0 } });
    bad.on('error', () => {});
    for (let index = 0; index < STREAMS; index++) {
      const path = '/hsmq.v1.hsmq.HSMQ/Streaming';
      const stream = bad.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
      stream.on('error', () => {});
      stream.resume();
      stream.write(subscribeRequest(QUEUES[index % QUEUES.length]));
    }
    await until(async () => (await sum(({ consumers }) => consumers)) === STREAMS, 'all to subscribe');
  });

  afterEach(async () => {
    bad.destroy();
    await until(async () => (await door()).streams === 0, 'its streams to be closed');
    assert.equal((await door()).outputBytes, 0);
    await until(
      async () => (await sum(({ ledger }) => ledger.ready)) === QUEUES.length * MESSAGES_PER_QUEUE,
      'what was not acked to be ready again',
    );
    assert.equal((await node.admin<{ balanced: boolean }>('/api/v1/ledger')).balanced, true);
    good.close();
    await node.stop();
  });

  /** A call of its own limits would let it have 300 times 256 KiB. */
  async function assertBounded(): Promise<void> {
    const { outputBytes, refused } = await door();
    assert.ok(outputBytes > GRPC_LIMITS.connectionOutputHighBytes, `${outputBytes}`);
    assert.ok(outputBytes < 2 * GRPC_LIMITS.connectionOutputHighBytes, `${outputBytes}`);
    assert.deepEqual(refused, {}, 'they are held, none had to be ended');
  }

  it('holds little for it, and serves others as if nothing had happened', async () => {
    await assertBounded();
    const stream = good.stream();
    stream.subscribe('other', 10);
    for (let index = 0; index < 100; index++) {
      await good.publish('other', String(index));
      const { message, meta } = await stream.nextMessage();
      assert.equal(textOf(message), String(index));
      stream.ack(meta);
    }
    await assertBounded();
    stream.call.end();
    await until(() => stream.status !== undefined, 'the end of the other stream');
  });

  it('goes on with all of them once it reads', async () => {
    await assertBounded();
    bad.settings({ initialWindowSize: 65_535 });
    await until(async () => (await sum(({ ledger }) => ledger.ready)) === 0, 'everything to be delivered');
    await until(async () => (await door()).outputBytes === 0, 'everything to be read');
    assert.deepEqual((await door()).refused, {});
  });
});
