import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Operation } from '../../src/broker/operation.ts';
import { isLastChunk } from '../../src/core/queue-image.ts';
import { RecordMemory } from '../../src/core/record.ts';
import {
  assertBalanced,
  CLUSTER_THREAD,
  type FakeCluster,
  type FakeRings,
  FakeSession,
  ledgerOf,
  publish,
  queueOf,
  type TestShard,
  twoShards,
} from './two-shards.ts';

const QUEUE = 1;

/** The cluster's thread of a node without peers: it moves the queue from shard to shard, and sends on what comes. */
class Mover implements FakeCluster {
  readonly #rings: FakeRings;
  readonly #chunks: RecordMemory[] = [];
  #owner: number;
  #to = -1;
  #quiet = false;
  moves = 0;

  constructor(rings: FakeRings, owner: number) {
    this.#rings = rings;
    this.#owner = owner;
    rings.cluster = this;
  }

  get moving(): boolean {
    return this.#to >= 0;
  }

  /** Shards whose sessions go the way that the last move has made. */
  readonly #routed = new Set([0, 1]);

  move(to: number): void {
    if (this.moving || to === this.#owner || this.#routed.size < 2) return;
    this.#to = to;
    this.#routed.clear();
    this.#post(this.#owner, Operation.freeze, QUEUE, 0, 0);
    for (const shard of [0, 1]) {
      if (shard !== this.#owner) this.#post(shard, Operation.route, QUEUE, CLUSTER_THREAD, -1);
    }
  }

  receive(...[from, operation, target, a, b, c, d, e, memory, offset]: Parameters<FakeCluster['receive']>): void {
    const origin = e === 0 ? from : e - 1;
    if (operation === Operation.image) {
      this.#chunks.push(copy(memory, offset));
      this.#send();
    } else if (operation === Operation.quiet) {
      this.#quiet = true;
      this.#send();
    } else if (operation === Operation.adopted) {
      this.#owner = from;
      this.#to = -1;
      this.moves++;
      for (const shard of [0, 1]) if (shard !== from) this.#post(shard, Operation.route, QUEUE, from, this.moves);
      for (const later of this.#later.splice(0)) this.receive(...later);
    } else if (operation === Operation.routed) {
      if (b === this.moves) this.#routed.add(from);
    } else if (operation === Operation.fence && this.moving) this.#post(origin, Operation.fenceDone, QUEUE, 0, 0);
    else if (this.moving) this.#later.push([from, operation, target, a, b, c, d, origin + 1, copy(memory, offset), 0]);
    else {
      const peers = this.#rings.peersOf(CLUSTER_THREAD);
      if (operation !== Operation.publish) peers.post(this.#owner, operation, target, a, b, c, d, origin + 1);
      else peers.postRecord(this.#owner, operation, target, a, b, c, d, origin + 1, memory, offset);
    }
  }

  readonly #later: Parameters<FakeCluster['receive']>[] = [];

  /** The image is complete, and what the old owner delivered has arrived. */
  #send(): void {
    if (!this.#quiet || !this.#chunks.some((chunk) => isLastChunk(chunk, 0))) return;
    this.#quiet = false;
    const peers = this.#rings.peersOf(CLUSTER_THREAD);
    for (const chunk of this.#chunks.splice(0)) {
      peers.postRecord(this.#to, Operation.image, QUEUE, 0, this.moves + 1, 0, 0, 0, chunk, 0);
    }
  }

  #post(shard: number, operation: number, target: number, a: number, b: number): void {
    this.#rings.peersOf(CLUSTER_THREAD).post(shard, operation, target, a, b, 0, 0, 0);
  }
}

function copy(memory: RecordMemory, offset: number): RecordMemory {
  if (offset < 0) return new RecordMemory(new ArrayBuffer(8));
  const made = new RecordMemory(new ArrayBuffer(memory.words[offset >> 2]));
  made.bytes.set(memory.bytes.subarray(offset, offset + made.bytes.length));
  return made;
}

/** Sessions of one shard: a publisher, and a consumer that acks what it gets. */
function open({ broker }: TestShard): { session: FakeSession; number: number } {
  const session = new FakeSession();
  return { session, number: broker.open(session) };
}

describe('hand-over of a queue', () => {
  it('to another shard keeps what it holds, and its sessions go on with it', () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 0 });
    const mover = new Mover(rings, 0);
    const consumers = shards.map(open);
    for (const [index, { number }] of consumers.entries()) {
      shards[index].broker.subscribe(number, queueOf(shards[index].broker, 'q'), 2);
    }
    rings.run();
    for (let id = 1; id <= 10; id++) publish(shards[id % 2].broker, consumers[id % 2].number, 'q', id);
    rings.run();
    mover.move(1);
    rings.run();
    assert.equal(mover.moves, 1);
    assert.deepEqual([ledgerOf(shards, 'q').ready, ledgerOf(shards, 'q').inFlight], [6, 4]);
    for (const [index, { session, number }] of consumers.entries()) {
      for (let acked = 0; acked < session.delivered_.length; acked++) {
        const { id } = session.delivered_[acked];
        shards[index].broker.ack(number, queueOf(shards[index].broker, 'q'), Int32Array.of(id, 0, 0, 0), 0);
        rings.run();
      }
    }
    assert.deepEqual([ledgerOf(shards, 'q').acked, ledgerOf(shards, 'q').ready], [10, 0]);
    assert.equal(consumers[0].session.confirmed_.length + consumers[1].session.confirmed_.length, 5);
    assertBalanced(shards);
  });

  it('at any moment of any traffic loses nothing, repeats nothing, and keeps each publisher in order', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('publish' as const), shard: fc.nat(1) }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('run' as const), picks: fc.array(fc.nat(8)) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), to: fc.nat(1) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('ack' as const), shard: fc.nat(1) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const { rings, shards } = twoShards({ name: 'q', shard: 0 });
        const mover = new Mover(rings, 0);
        const publishers = shards.map(open);
        const consumer = open(shards[1]);
        shards[1].broker.subscribe(consumer.number, queueOf(shards[1].broker, 'q'), 3);
        let next = 0;
        let acked = 0;
        const ack = (): void => {
          const { id } = consumer.session.delivered_[acked++];
          shards[1].broker.ack(consumer.number, queueOf(shards[1].broker, 'q'), Int32Array.of(id, 0, 0, 0), 0);
        };
        for (const given of steps) {
          if (given.kind === 'publish') {
            // Even ids come from shard 0, odd ones from shard 1.
            const id = 2 * next++ + given.shard;
            publish(shards[given.shard].broker, publishers[given.shard].number, 'q', id);
          } else if (given.kind === 'run') for (const pick of given.picks) rings.step(pick);
          else if (given.kind === 'move') mover.move(given.to);
          else if (acked < consumer.session.delivered_.length) ack();
        }
        rings.run();
        while (acked < consumer.session.delivered_.length) {
          ack();
          rings.run();
        }
        const ids = consumer.session.delivered_.map(({ id }) => id);
        assert.equal(ids.length, next);
        for (const parity of [0, 1]) {
          const own = ids.filter((id) => id % 2 === parity);
          assert.deepEqual(
            own,
            [...own].sort((a, b) => a - b),
          );
        }
        assert.deepEqual([ledgerOf(shards, 'q').acked, ledgerOf(shards, 'q').accepted], [next, next]);
        assertBalanced(shards);
      }),
      { numRuns: 300 },
    );
  });
});
