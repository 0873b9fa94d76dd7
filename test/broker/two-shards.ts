// Two shards without threads: their rings are plain queues that a test runs, sessions write down what they are told.
import assert from 'node:assert/strict';
import { TimingWheel } from '../../src/base/timing-wheel.ts';
import { UuidSource } from '../../src/base/uuid.ts';
import { LoopTurn } from '../../src/broker/loop-turn.ts';
import type { ShardPeers } from '../../src/broker/ports.ts';
import { RoutingTable } from '../../src/broker/routing-table.ts';
import { ShardBroker } from '../../src/broker/shard-broker.ts';
import { ShardControl } from '../../src/broker/shard-control.ts';
import type { QueueRoute, SessionSink } from '../../src/core/broker-port.ts';
import { Ledger, type LedgerCounts } from '../../src/core/ledger.ts';
import { MessageTable } from '../../src/core/message-table.ts';
import { type QueueOptions, queueOptions } from '../../src/core/queue-options.ts';
import { RecordMemory, WORD_ID, WORD_SIZE, WORD_TAGS } from '../../src/core/record.ts';

/** Number of the cluster's thread in a node with two shards. */
export const CLUSTER_THREAD = 2;

/** The cluster's thread as a shard sees it. */
export interface FakeCluster {
  receive(...envelope: Parameters<ShardBroker['exchange']['receive']>): void;
}

/** The rings of two shards as plain queues: sent envelopes wait until run() hands them over, in order. */
export class FakeRings {
  readonly shards: ShardBroker[] = [];
  /** What stands at the other end of the rings to the cluster's thread. */
  cluster: FakeCluster | undefined;
  room = true;
  /** One line for each ordered pair of threads. */
  readonly #rings = new Map<string, (() => void)[]>();

  /** Envelopes that were sent and not handed over. */
  get waiting(): number {
    return [...this.#rings.values()].reduce((sum, ring) => sum + ring.length, 0);
  }

  /** Rings with something in them. */
  get ready(): number {
    return [...this.#rings.values()].filter((ring) => ring.length > 0).length;
  }

  peersOf(from: number): ShardPeers {
    const send = (to: number, words: number[], record: RecordMemory, offset: number): void => {
      const [operation, target, a, b, c, d, e] = words;
      const receiver = to === CLUSTER_THREAD ? this.cluster : this.shards[to].exchange;
      const ring = this.#rings.get(`${from} ${to}`) ?? [];
      this.#rings.set(`${from} ${to}`, ring);
      ring.push(() => receiver?.receive(from, operation, target, a, b, c, d, e, record, offset));
    };
    const none = new RecordMemory(new ArrayBuffer(8));
    return {
      post: (to, operation, target, a, b, c, d, e) => send(to, [operation, target, a, b, c, d, e], none, -1),
      postRecord: (to, operation, target, a, b, c, d, e, memory, offset) => {
        const copy = new RecordMemory(new ArrayBuffer(memory.words[offset >> 2]));
        copy.bytes.set(memory.bytes.subarray(offset, offset + memory.words[offset >> 2]));
        send(to, [operation, target, a, b, c, d, e], copy, 0);
      },
      hasRoom: () => this.room,
    };
  }

  run(): void {
    for (let steps = 0; this.waiting > 0; steps++) {
      assert.ok(steps < 20_000, 'envelopes go round for ever');
      this.step(0);
    }
  }

  /** Hands over the first envelope of one of the rings that have any: the `pick`th, in turn. */
  step(pick: number): void {
    const rings = [...this.#rings.values()].filter((ring) => ring.length > 0);
    if (rings.length > 0) rings[pick % rings.length].shift()?.();
  }
}

/** A session that remembers what it was told. */
export class FakeSession implements SessionSink {
  readonly delivered_: { queue: string; id: number; fetch: number }[] = [];
  readonly confirmed_: [number, number][] = [];
  readonly timedOut: number[] = [];
  throttled = false;

  delivered(queue: QueueRoute, memory: RecordMemory, offset: number, fetch: number): void {
    this.delivered_.push({ queue: queue.name, id: memory.words[(offset >> 2) + WORD_ID], fetch });
  }
  confirmed(publish: number, result: number): void {
    this.confirmed_.push([publish, result]);
  }
  fetchTimedOut(_queue: QueueRoute | undefined, fetch: number): void {
    this.timedOut.push(fetch);
  }
  queueDeleted(): void {}
  throttle(on: boolean): void {
    this.throttled = on;
  }
  drain(): void {}
  stop(): void {}
}

export interface TestShard {
  readonly broker: ShardBroker;
  readonly control: ShardControl;
}

export function twoShards(...queues: (Partial<QueueOptions> & { name: string; shard: number; number?: number })[]): {
  rings: FakeRings;
  shards: TestShard[];
} {
  const rings = new FakeRings();
  const placements = queues.map(({ shard, number, ...options }, index) => ({
    number: number ?? index + 1,
    shard,
    options: queueOptions({ topics: [options.name], ...options }),
  }));
  const shards = [0, 1].map((self) => {
    const routes = new RoutingTable();
    const turn = new LoopTurn(() => {});
    const broker = new ShardBroker({
      self,
      shards: 2,
      routes,
      turn,
      ids: new UuidSource(Int32Array.of(self, 1)),
      onIdle: () => {},
      clusterThread: CLUSTER_THREAD,
    });
    rings.shards.push(broker);
    const wheel = new TimingWheel(Date.now());
    const laneOf = (address: number) => broker.laneOf(address);
    const shared = { messages: new MessageTable({}), wheel, handler: broker, laneOf };
    broker.connect(rings.peersOf(self), shared);
    const control = new ShardControl({ self, broker, routes, shared, metaSuffix: () => Buffer.alloc(0) });
    control.create(placements);
    return { broker, control };
  });
  return { rings, shards };
}

/** A record that carries only an id. */
function record(id: number): RecordMemory {
  const memory = new RecordMemory(new ArrayBuffer(64));
  memory.words[WORD_SIZE] = 64;
  memory.words[WORD_TAGS] = 0;
  memory.words[WORD_ID] = id;
  return memory;
}

/** Publishes message `id` with its id as publish number; session -1 = at QoS 0. */
export function publish(broker: ShardBroker, session: number, topic: string, id: number): number {
  const route = broker.topic(topic);
  assert.ok(route);
  return broker.publish(session, session < 0 ? -1 : id, route, record(id));
}

export function queueOf(broker: ShardBroker, name: string): QueueRoute {
  const queue = broker.queue(name);
  assert.ok(queue);
  return queue;
}

export function assertBalanced(shards: readonly TestShard[]): void {
  for (const { control } of shards) {
    for (const { ledger } of control.queues(undefined))
      assert.equal(Object.assign(new Ledger(), ledger).imbalance(ledger), 0);
  }
}

/** The ledger of a queue, wherever it lives. */
export function ledgerOf(shards: readonly TestShard[], name: string): LedgerCounts {
  const number = queueOf(shards[0].broker, name).number;
  const found = shards.flatMap(({ control }) => control.queues([number]));
  assert.equal(found.length, 1);
  return found[0].ledger;
}
