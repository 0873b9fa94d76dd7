import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { HsmqClient, message } from './support/hsmq-client.ts';
import { NodeProcess } from './support/node-process.ts';
import { until } from './support/until.ts';

/** Ports that were free a moment ago: nodes must know each other's before they start. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const QUEUES = Array.from({ length: 12 }, (_, index) => `queue-${index}`);

/** A cluster of node processes that a test changes. */
class Cluster {
  readonly nodes: (NodeProcess | undefined)[] = [];
  readonly #ports: readonly number[];

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  static async start(count: number): Promise<Cluster> {
    const cluster = new Cluster(await freePorts(count));
    await Promise.all(Array.from({ length: count }, (_, index) => cluster.join(index)));
    await cluster.settled();
    return cluster;
  }

  async join(index: number): Promise<void> {
    const seeds = this.#ports.map((port) => `"127.0.0.1:${port}"`).join(', ');
    const queues = QUEUES.map((name) => `[[queues]]\nname = "${name}"\ntopics = ["${name}"]`).join('\n');
    this.nodes[index] = await NodeProcess.start({
      shards: 2,
      toml: `name = "n${index}"\n[cluster]\naddress = "127.0.0.1:${this.#ports[index]}"\nseeds = [${seeds}]\n${queues}`,
    });
  }

  /** Every node sees all nodes and knows the node of every queue, and nothing moves. */
  settled(): Promise<void> {
    const running = this.nodes.filter((node) => node !== undefined);
    return until(async () => {
      const all = await Promise.all(running.map((node) => statusOf(node)));
      return (
        all.every(({ members, queues, moves }) => {
          const up = members.filter(({ state }) => state === 'up').length;
          return up === running.length && queues.nowhere === 0 && moves.outgoing + moves.incoming === 0;
        }) && all.reduce((sum, { queues }) => sum + queues.here, 0) === QUEUES.length
      );
    });
  }

  /** Asks a node to leave, and waits until it has ended. */
  async leave(index: number): Promise<NodeProcess> {
    const node = this.node(index);
    this.nodes[index] = undefined;
    node.child.kill('SIGTERM');
    assert.equal((await node.exited).code, 0, node.output);
    return node;
  }

  async kill(index: number): Promise<void> {
    const node = this.node(index);
    this.nodes[index] = undefined;
    node.child.kill('SIGKILL');
    await node.exited;
  }

  node(index: number): NodeProcess {
    const node = this.nodes[index];
    assert.ok(node);
    return node;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node?.stop()));
  }
}

interface Status {
  readonly members: readonly { readonly node: string; readonly state: string }[];
  readonly queues: { readonly here: number; readonly there: number; readonly nowhere: number };
  readonly moves: { readonly outgoing: number; readonly incoming: number };
  readonly lostQueues: readonly string[];
}

async function statusOf(node: NodeProcess): Promise<Status> {
  const response = await fetch(`http://127.0.0.1:${node.adminPort}/api/v1/cluster`);
  return (await response.json()) as Status;
}

/** Publishes numbered messages to every queue and consumes them, from clients of one node that stays. */
class Traffic {
  readonly #publisher;
  readonly #consumer;
  readonly #clients: readonly HsmqClient[];
  /** Numbers received, by queue. */
  readonly received = new Map<string, number[]>(QUEUES.map((queue) => [queue, []]));
  #sent = 0;
  confirmed = 0;
  refused = 0;
  #running = true;
  #loop: Promise<void> | undefined;

  constructor(node: NodeProcess) {
    this.#clients = [new HsmqClient(node.address), new HsmqClient(node.address)];
    this.#publisher = this.#clients[0].stream();
    this.#consumer = this.#clients[1].stream();
    this.#publisher.call.on('data', ({ kind }: { kind: string }) => {
      if (kind === 'pub_ack') this.confirmed++;
      else if (kind === 'pub_error') this.refused++;
    });
    this.#consumer.call.on('data', (response: { kind: string; message?: { message: Sent; meta: never } }) => {
      if (response.kind !== 'message' || response.message === undefined) return;
      const { message: sent, meta } = response.message;
      this.received.get(sent.topic)?.push(Number(sent.data?.value.toString()));
      this.#consumer.ack(meta);
    });
    for (const queue of QUEUES) this.#consumer.subscribe(queue, 20);
  }

  get sent(): number {
    return this.#sent;
  }

  start(): void {
    this.#loop = (async () => {
      while (this.#running) {
        for (const queue of QUEUES) {
          const text = String(this.#sent++);
          this.#publisher.send({ publish_message: { message: message(queue, text), qos: 1, request_id: text } });
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
  }

  /** Stops publishing, and waits until everything that was sent is answered. */
  async answered(): Promise<void> {
    this.#running = false;
    await this.#loop;
    await until(() => this.confirmed + this.refused === this.#sent, 'an answer to every publish');
  }

  count(): number {
    let count = 0;
    for (const numbers of this.received.values()) count += numbers.length;
    return count;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

interface Sent {
  readonly topic: string;
  readonly data?: { readonly value: Buffer } | null;
}

describe('a cluster of three nodes', function () {
  this.timeout(90_000);
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.start(3);
  });
  afterEach(() => cluster.stop());

  it('lets any client of any node use any queue, and any admin port look into it', async () => {
    const clients = [0, 1, 2].map((index) => new HsmqClient(cluster.node(index).address));
    const [first, second, third] = clients.map((client) => client.stream());
    for (const queue of QUEUES) {
      await first.publish(queue, `to ${queue}`);
      second.subscribe(queue, 1);
      const { message: got, meta } = await second.nextMessage();
      assert.deepEqual([got.data?.value.toString(), meta.queue], [`to ${queue}`, queue]);
      second.ack(meta);
    }
    await cluster.node(1).admin('/api/v1/queues/made', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ topics: ['made'] }),
    });
    await until(async () => {
      const found = await fetch(`http://127.0.0.1:${cluster.node(2).adminPort}/api/v1/queues/made`);
      return found.ok;
    }, 'the queue on another node');
    await third.publish('made', 'hello');
    for (const index of [0, 1, 2]) {
      const info = await cluster.node(index).admin<{ ledger: { ready: number } }>('/api/v1/queues/made');
      assert.equal(info.ledger.ready, 1);
    }
    const purge = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
    assert.deepEqual(await cluster.node(0).admin('/api/v1/queues/made/purge', purge), { purged: 1 });
    for (const client of clients) client.close();
  });

  it('loses, repeats and reorders nothing while nodes leave and come back', async () => {
    const traffic = new Traffic(cluster.node(0));
    traffic.start();
    for (const index of [1, 2]) {
      await until(() => traffic.count() > 500 * index, 'traffic');
      const gone = await cluster.leave(index);
      assert.match(gone.output, /"cluster.left","left":0/);
      await until(() => traffic.count() > 500 * index + 200, 'traffic');
      await cluster.join(index);
      await cluster.settled();
    }
    await traffic.answered();
    await until(() => traffic.count() === traffic.sent, 'all messages');
    assert.equal(traffic.refused, 0);
    for (const [queue, numbers] of traffic.received) {
      assert.deepEqual(
        numbers,
        [...numbers].sort((a, b) => a - b),
        queue,
      );
      assert.equal(new Set(numbers).size, numbers.length, queue);
    }
    const here = await Promise.all([0, 1, 2].map((index) => statusOf(cluster.node(index))));
    assert.ok(here.every(({ queues }) => queues.here > 0));
    traffic.close();
  });

  it('makes the queues of a node that dies anew, names them, and goes on with the others unharmed', async () => {
    const traffic = new Traffic(cluster.node(0));
    traffic.start();
    await until(() => traffic.count() > 500, 'traffic');
    const before = await statusOf(cluster.node(2));
    await cluster.kill(2);
    await cluster.settled();
    const count = traffic.count();
    await until(() => traffic.count() > count + 500, 'traffic');
    await traffic.answered();
    const lost = (await Promise.all([0, 1].map((index) => statusOf(cluster.node(index))))).flatMap(
      ({ lostQueues }) => lostQueues,
    );
    assert.equal(lost.length, before.queues.here);
    const doomed = new Set(lost);
    for (const queue of QUEUES) {
      if (doomed.has(queue)) continue;
      const numbers = traffic.received.get(queue) ?? [];
      await until(() => numbers.length === traffic.sent / QUEUES.length, `all messages of ${queue}`);
      assert.deepEqual(
        numbers,
        [...numbers].sort((a, b) => a - b),
        queue,
      );
    }
    traffic.close();
  });
});
