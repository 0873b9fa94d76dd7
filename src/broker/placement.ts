// Which shard a queue lives on: consistent hashing of its name over the shards, so that the same thread count always
// gives the same answer and another one moves as few queues as can be.
// Lives on: main (the single writer of placements).
import HashRing from 'hashring';
import { assert } from '../base/assert.ts';

/**
 * Virtual nodes of each shard. Given explicitly and not the library's default of 40: with the default it rounds shares
 * down at some counts (7, 14, 28, 49, ...) and moves queues between shards that both stayed.
 */
const VNODES = 41;

export class ShardPlacement {
  readonly #ring: HashRing;

  constructor(shards: number) {
    assert(shards > 0, 'a node has shards');
    const servers: Record<string, { vnodes: number }> = {};
    for (let shard = 0; shard < shards; shard++) servers[`shard-${shard}`] = { vnodes: VNODES };
    this.#ring = new HashRing(servers);
  }

  /** Index of the shard that owns the queue. */
  shardOf(queueName: string): number {
    // A name of its own for each key: the library keeps what it looked up in a plain object, where `__proto__` and its
    // like would be more than names.
    return Number(this.#ring.get(`queue-${queueName}`).slice('shard-'.length));
  }
}
