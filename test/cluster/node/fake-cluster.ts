// Nodes of two shards each, without threads or sockets: rings and links are lines that a test empties in any order.
import assert from 'node:assert/strict';
import { Carrier } from '../../../cluster/node/carrier.ts';
import { emptyImage } from '../../../src/core/queue-image.ts';
import { type QueueOptions, queueOptions } from '../../../src/core/queue-options.ts';
import { RecordMemory } from '../../../src/core/record.ts';
import { CLUSTER_THREAD, type FakeRings, type TestShard, twoShards } from '../../broker/two-shards.ts';

export interface FakeNode {
  readonly id: string;
  readonly rings: FakeRings;
  readonly shards: readonly TestShard[];
  readonly carrier: Carrier;
  /** What the node said of queues: `owned q`, `released q`, `failed q`. */
  readonly said: string[];
}

export class FakeClusterOfNodes {
  readonly nodes = new Map<string, FakeNode>();
  readonly #lines = new Map<string, (() => void)[]>();
  readonly #queues: readonly QueueOptions[];

  /** Every node knows these queues, under a number of its own. */
  constructor(ids: readonly string[], queues: readonly (Partial<QueueOptions> & { name: string })[]) {
    this.#queues = queues.map((options) => queueOptions({ topics: [options.name], ...options }));
    for (const id of ids) this.#add(id);
  }

  node(id: string): FakeNode {
    const node = this.nodes.get(id);
    assert.ok(node);
    return node;
  }

  #add(id: string): void {
    // Numbers differ from node to node, as they do in life.
    const first = this.nodes.size + 1;
    const placed = this.#queues.map((options, index) => ({ ...options, shard: CLUSTER_THREAD, number: first + index }));
    const { rings, shards } = twoShards(...placed);
    const said: string[] = [];
    const byNumber = new Map(placed.map((options) => [options.number, options]));
    const carrier: Carrier = new Carrier({
      self: id,
      shards: 2,
      rings: rings.peersOf(CLUSTER_THREAD),
      links: { post: (to, ...envelope) => this.#post(id, to, envelope), hasRoom: () => true },
      events: {
        owned: ({ name }) => said.push(`owned ${name}`),
        released: ({ name }) => said.push(`released ${name}`),
        introduce: ({ name }, known) => known(carrier.relay.named(name)?.number ?? -1),
        moveFailed: (name) => said.push(`failed ${name}`),
      },
      shardOf: (name) => name.length % 2,
      optionsOf: (number) => byNumber.get(number) as QueueOptions,
    });
    for (const { number, name } of placed) carrier.relay.add(number, name);
    rings.cluster = { receive: (...envelope) => carrier.fromShard(...envelope) };
    this.nodes.set(id, { id, rings, shards, carrier, said });
  }

  #post(
    from: string,
    to: string,
    envelope: [...numbers: [number, number, number, number, number, number, number], RecordMemory, number],
  ): boolean {
    const [operation, target, a, b, c, d, e, memory, offset] = envelope;
    const line = this.#lines.get(`${from} ${to}`) ?? [];
    this.#lines.set(`${from} ${to}`, line);
    const copy = offset < 0 ? new RecordMemory(new ArrayBuffer(8)) : memoryOf(memory, offset);
    line.push(() => {
      const node = this.nodes.get(to);
      node?.carrier.fromPeer(from, operation, target, a, b, c, d, e, copy, offset < 0 ? -1 : 0);
    });
    return true;
  }

  /** Makes a queue on a node, and tells the others where it is. */
  place(name: string, owner: string, epoch = 1): void {
    const { carrier } = this.node(owner);
    const queue = carrier.relay.named(name);
    assert.ok(queue);
    const options = this.#queues.find((other) => other.name === name);
    assert.ok(options);
    carrier.moves.create(queue, epoch, emptyImage(options));
    this.run();
    for (const { id, carrier: other } of this.nodes.values()) {
      if (id === owner) continue;
      const there = other.relay.named(name);
      assert.ok(there);
      there.epoch = epoch;
      other.relay.placeThere(there, owner, queue.number);
      other.relay.restate(there);
    }
    this.run();
  }

  ownerOf(name: string): string[] {
    return [...this.nodes.values()]
      .filter(({ carrier }) => carrier.relay.named(name)?.place.kind === 'here')
      .map(({ id }) => id);
  }

  /** Begins to move a queue from where it is. */
  move(name: string, to: string): boolean {
    const [owner] = this.ownerOf(name);
    const queue = owner === undefined ? undefined : this.node(owner).carrier.relay.named(name);
    return queue !== undefined && owner !== to && this.node(owner).carrier.moves.start(queue, to);
  }

  /** Hands over one envelope of one of the lines and rings that have any. */
  step(pick: number): void {
    const ready: (() => void)[] = [];
    for (const line of this.#lines.values()) if (line.length > 0) ready.push(() => line.shift()?.());
    for (const { rings } of this.nodes.values()) {
      for (let ring = 0; ring < rings.ready; ring++) ready.push(() => rings.step(ring));
    }
    if (ready.length > 0) ready[pick % ready.length]();
  }

  get waiting(): number {
    let waiting = 0;
    for (const line of this.#lines.values()) waiting += line.length;
    for (const { rings } of this.nodes.values()) waiting += rings.waiting;
    return waiting;
  }

  run(): void {
    for (let steps = 0; this.waiting > 0; steps++) {
      assert.ok(steps < 3_000, 'envelopes go round for ever');
      this.step(steps);
    }
  }

  /** The node and all that was on its way from and to it are gone. */
  kill(id: string): void {
    this.nodes.delete(id);
    for (const [name, line] of this.#lines) if (name.split(' ').includes(id)) line.length = 0;
    for (const { carrier } of this.nodes.values()) carrier.forgetPeer(id);
  }
}

function memoryOf(memory: RecordMemory, offset: number): RecordMemory {
  const copy = new RecordMemory(new ArrayBuffer(memory.words[offset >> 2]));
  copy.bytes.set(memory.bytes.subarray(offset, offset + copy.bytes.length));
  return copy;
}
