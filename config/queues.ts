// [[queues]]: the queues that a node starts with. Those of Redis, which hsmq has too, are taken but not started.
// Lives on: main. Called by: load.ts.
import { NAME_BYTES_MAX } from '../src/base/limits.ts';
import { nearest } from './nearest.ts';
import type { Option } from './option.ts';
import { isTable, readText, readTexts } from './option-types.ts';
import { type Reading, ValueProblem } from './problem.ts';
import { QUEUE_OPTIONS, type QueueValues } from './queue-option-table.ts';
import type { QueueConfig } from './types.ts';

const IN_MEMORY = 'InMemory';
const REDIS_STREAM = 'RedisStream';

const KEYS = ['type', 'name', 'topics', ...Object.keys(QUEUE_OPTIONS)];

/** `defaults` fill what a queue does not say. */
export function readQueues(queues: unknown, given: { at: Reading; defaults: QueueValues }): QueueConfig[] {
  const { at, defaults } = given;
  if (queues === undefined) return [];
  if (!Array.isArray(queues)) {
    at.at('"queues"', 'queues').error('it is a list of sections: expected [[queues]]');
    return [];
  }
  const names = new Map<string, string>();
  const read = queues.flatMap((queue: unknown, index) => {
    const label = isTable(queue) && typeof queue.name === 'string' ? `"${queue.name}"` : index + 1;
    const path = `queues[${index}]`;
    const place = at.at(`queue ${label}`, path);
    const found = isTable(queue) ? readQueue(queue, { at: place, path, defaults }) : undefined;
    if (!isTable(queue)) place.error('expected a section');
    if (found === undefined) return [];
    if (names.has(found.name)) place.error('two queues have this name');
    names.set(found.name, path);
    return found.kind === 'redis' ? [] : [found.queue];
  });
  for (const queue of read) checkDeadLetter(queue, { at, names });
  return read;
}

type FoundQueue = { readonly name: string } & (
  | { readonly kind: 'redis' }
  | { readonly kind: 'memory'; readonly queue: QueueConfig }
);

/** Where a queue stands: its place, and its path for the lines of its keys. */
interface QueuePlace {
  readonly at: Reading;
  readonly path: string;
  readonly defaults: QueueValues;
}

function readQueue(table: Record<string, unknown>, given: QueuePlace): FoundQueue | undefined {
  const { at, path } = given;
  const name = at.at(at.label, `${path}.name`).attempt(() => checkedName(table.name, 'name'));
  const topics = at.at(at.label, `${path}.topics`).attempt(() => readTopics(table.topics));
  if (table.type === REDIS_STREAM) {
    at.warn('accepted, but NOT STARTED: this version has no queues over Redis; messages to its topics find no queue');
    return name === undefined ? undefined : { kind: 'redis', name };
  }
  if (table.type !== undefined && table.type !== IN_MEMORY) {
    at.at(at.label, `${path}.type`).error(`expected type "${IN_MEMORY}" or "${REDIS_STREAM}"`);
  }
  for (const key of Object.keys(table))
    if (!KEYS.includes(key)) at.at(at.label, `${path}.${key}`).error(unknownKey(key));
  const values = readValues(table, given);
  if (name === undefined || topics === undefined) return undefined;
  return { kind: 'memory', name, queue: { ...values, name, topics } };
}

function readValues(table: Record<string, unknown>, { at, path, defaults }: QueuePlace): QueueValues {
  const values: Record<string, unknown> = { ...defaults };
  for (const [key, option] of Object.entries(QUEUE_OPTIONS) as [string, Option<unknown>][]) {
    if (table[key] === undefined) continue;
    const place = at.at(`${key} of ${at.label}`, `${path}.${key}`);
    const value = place.attempt(() => option.read(table[key], place));
    if (value !== undefined) values[key] = value;
  }
  // The one queue that all others name as their dead-letter queue inherits that, too.
  if (table.dead_letter_queue === undefined && values.dead_letter_queue === table.name) values.dead_letter_queue = '';
  return values as unknown as QueueValues;
}

/** Topics without repetitions: a message goes into a queue once. */
function readTopics(value: unknown): readonly string[] {
  if (value === undefined) return [];
  let topics: readonly string[];
  try {
    topics = readTexts(value);
  } catch (error) {
    throw error instanceof ValueProblem ? new ValueProblem(`topics: ${error.message}`) : error;
  }
  for (const topic of topics) checkedName(topic, 'topic');
  return [...new Set(topics)];
}

function checkedName(value: unknown, what: string): string {
  if (value === undefined) throw new ValueProblem(`it needs a ${what}`);
  const name = readText(value);
  const size = Buffer.byteLength(name);
  if (size === 0 || size > NAME_BYTES_MAX) {
    throw new ValueProblem(`expected a ${what} of 1 to ${NAME_BYTES_MAX} bytes, received ${size}`);
  }
  // Control characters would break log lines and tables.
  if (/\p{Cc}/u.test(name)) throw new ValueProblem(`expected a ${what} without control characters`);
  return name;
}

function checkDeadLetter(queue: QueueConfig, given: { at: Reading; names: ReadonlyMap<string, string> }): void {
  const target = queue.dead_letter_queue;
  const path = `${given.names.get(queue.name)}.dead_letter_queue`;
  const place = given.at.at(`dead_letter_queue of queue "${queue.name}"`, path);
  if (Buffer.byteLength(target) > NAME_BYTES_MAX) place.error(`expected a name of at most ${NAME_BYTES_MAX} bytes`);
  else if (target === queue.name) place.error('a queue cannot be its own dead-letter queue');
  else if (target !== '' && !given.names.has(target)) {
    place.warn(`there is no queue "${target}": dead messages are dropped until it is declared`);
  }
}

function unknownKey(key: string): string {
  const near = nearest(key, KEYS);
  return near === undefined
    ? `"${key}" is not an option, expected one of ${KEYS.join(', ')}`
    : `"${key}" is not an option; did you mean "${near}"?`;
}
