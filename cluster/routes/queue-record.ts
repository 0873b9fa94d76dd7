// What the node that runs a queue tells the others about it. Of two nodes that claim a queue the higher epoch is right:
// the other has not yet heard that it moved.
import { RouteError } from './route-error.ts';
import type { RouteValue } from './route-value.ts';

export type QueueOption = string | number | boolean;

export interface QueueRecord {
  readonly name: string;
  /** The queue's number on its node. */
  readonly number: number;
  readonly shard: number;
  readonly epoch: number;
  readonly topics: readonly string[];
  readonly prefetchCount: number;
  readonly options: ReadonlyMap<string, QueueOption>;
}

export function writeQueueRecord(record: QueueRecord): RouteValue {
  const { number, shard, epoch, topics, prefetchCount, options } = record;
  return [number, shard, epoch, prefetchCount, [...topics], [...options].flat()];
}

/** Throws RouteError for what is none. */
export function readQueueRecord(name: string, value: RouteValue): QueueRecord {
  if (!Array.isArray(value) || value.length < 6) throw new RouteError('a queue is not a list of six or more');
  const [number, shard, epoch, prefetchCount, topics, options] = value as readonly RouteValue[];
  return {
    name,
    number: count(number, 'number'),
    shard: count(shard, 'shard'),
    epoch: count(epoch, 'epoch'),
    prefetchCount: count(prefetchCount, 'prefetch count'),
    topics: readTopics(topics),
    options: readOptions(options),
  };
}

function count(value: RouteValue, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new RouteError(`the ${what} of a queue is no count`);
}

function readTopics(value: RouteValue): readonly string[] {
  if (Array.isArray(value) && value.every((topic) => typeof topic === 'string')) return value;
  throw new RouteError('the topics of a queue are no list of texts');
}

function readOptions(value: RouteValue): ReadonlyMap<string, QueueOption> {
  const options = new Map<string, QueueOption>();
  if (!Array.isArray(value) || value.length % 2 !== 0) throw new RouteError('the options of a queue are no pairs');
  for (let at = 0; at < value.length; at += 2) {
    const [name, option] = [value[at], value[at + 1]];
    if (typeof name !== 'string' || typeof option === 'object') throw new RouteError('an option of a queue is none');
    options.set(name, option);
  }
  return options;
}
