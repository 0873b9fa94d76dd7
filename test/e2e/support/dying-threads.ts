// The worker file of a node whose second shard dies soon after its start.
import { shard as realShard, type ShardData } from '../../../src/shard.ts';

/** Long enough for the node to be serving, as the test waits for that. */
const LIFE_MS = 1500;

export function shard(data: ShardData): Promise<void> {
  if (data.index === 1) {
    setTimeout(() => {
      throw new Error('this shard dies');
    }, LIFE_MS);
  }
  return realShard(data);
}
