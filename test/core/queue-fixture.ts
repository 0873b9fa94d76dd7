// One shard's worth of queues without a shard: a wheel, a message table, a handler that writes down what queues do, and
// a clock that the test turns. Messages are known by a small number, which is also their id.
import assert from 'node:assert/strict';
import { TimingWheel } from '../../src/base/timing-wheel.ts';
import { Lane } from '../../src/core/lane.ts';
import { MessageTable } from '../../src/core/message-table.ts';
import { Queue } from '../../src/core/queue.ts';
import type { QueueHandler, QueueShared, TransferAnswer } from '../../src/core/queue-handler.ts';
import { ImageWriter } from '../../src/core/queue-image.ts';
import { type QueueOptions, queueOptions } from '../../src/core/queue-options.ts';
import {
  alignedSize,
  bodyOffset,
  bodySize,
  DOUBLE_DELIVER_AT_MS,
  DOUBLE_EXPIRE_AT_MS,
  DOUBLE_PUBLISH_MS,
  packTags,
  RECORD_HEADER_BYTES,
  RecordMemory,
  WORD_BODY_SIZE,
  WORD_DEDUP,
  WORD_HEADERS_SIZE,
  WORD_ID,
  WORD_SIZE,
  WORD_TAGS,
  WORD_TOPIC_KEY,
} from '../../src/core/record.ts';

export const START_MS = 1_780_000_000_000;

export interface RecordOptions {
  readonly id: number;
  readonly priority?: number;
  readonly expireAtMs?: number;
  readonly deliverAtMs?: number;
  readonly dedup?: string;
  readonly bodyBytes?: number;
}

/** The third word of a message's id; the others follow from it. */
export function idWords(id: number): [number, number, number, number] {
  return [id ^ 0x5555, 7, id, Math.imul(id, 0x9e3779b9)];
}

const TOPIC = 'topic';

/** Writes a record at offset 0: its body is the low byte of its id, over and over. */
export function writeRecord(memory: RecordMemory, options: RecordOptions): void {
  const { id, priority = 0, expireAtMs = 0, deliverAtMs = 0, dedup = '', bodyBytes = 64 } = options;
  const { words, doubles, bytes } = memory;
  const dedupAt = RECORD_HEADER_BYTES + TOPIC.length;
  const bodyAt = dedupAt + Buffer.byteLength(dedup);
  words[WORD_SIZE] = alignedSize(bodyAt + bodyBytes);
  words[WORD_TAGS] = packTags(0, 1, priority);
  doubles[DOUBLE_PUBLISH_MS] = START_MS;
  doubles[DOUBLE_EXPIRE_AT_MS] = expireAtMs;
  doubles[DOUBLE_DELIVER_AT_MS] = deliverAtMs;
  words.set(idWords(id), WORD_ID);
  words[WORD_TOPIC_KEY] = TOPIC.length;
  words[WORD_DEDUP] = bodyAt - dedupAt;
  words[WORD_HEADERS_SIZE] = 0;
  words[WORD_BODY_SIZE] = bodyBytes;
  bytes.write(TOPIC, RECORD_HEADER_BYTES, 'latin1');
  bytes.write(dedup, dedupAt, 'utf8');
  bytes.fill(id & 0xff, bodyAt, bodyAt + bodyBytes);
}

/** What a queue did, in short: `deliver 3 to 100`, `deliver 3 to 100 by fetch 7`, `deadLetter 3`, ... */
export class Shard implements QueueHandler {
  readonly wheel = new TimingWheel(START_MS);
  readonly messages: MessageTable;
  readonly queues = new Map<number, Queue>();
  readonly memory = new RecordMemory(new ArrayBuffer(8 * 1024 * 1024));
  nowMs = START_MS;
  events: string[] = [];
  /** Called in the middle of an effect, after it was written down. */
  onDeliver: (queue: Queue, address: number, id: number) => void = () => {};
  onUnblocked: (queue: Queue, publish: number) => void = () => {};
  /** Where dead letters go; undefined = nowhere. */
  deadLetterTo: Queue | undefined;
  /** The ways to some addresses; those of all others are open. */
  readonly lanes = new Map<number, Lane>();
  readonly #openLane = new Lane();

  constructor(options: { memoryLimitBytes?: number } = {}) {
    this.messages = new MessageTable(options);
  }

  get shared(): QueueShared {
    const laneOf = (address: number): Lane => this.lanes.get(address) ?? this.#openLane;
    return { messages: this.messages, wheel: this.wheel, handler: this, laneOf };
  }

  queue(options: Partial<QueueOptions> = {}): Queue {
    const number = this.queues.size + 1;
    const queue = new Queue(number, queueOptions({ name: `q${number}`, ...options }), this.shared, this.nowMs);
    this.queues.set(number, queue);
    return queue;
  }

  /** Moves a queue through its image into a new one, which takes its place. `addressOf` renames its sessions. */
  move(queue: Queue, addressOf: (address: number) => number = (address) => address): Queue {
    const chunks: RecordMemory[] = [];
    const writer = new ImageWriter((chunk) => {
      const copy = new RecordMemory(new ArrayBuffer(chunk.words[0]));
      copy.bytes.set(chunk.bytes.subarray(0, chunk.words[0]));
      chunks.push(copy);
    });
    const steps = queue.export(writer, this.nowMs);
    while (steps.next().done !== true);
    queue.vanish();
    const moved = new Queue(queue.number, queue.options, this.shared, this.nowMs);
    this.queues.set(queue.number, moved);
    const importer = moved.importer(addressOf, this.nowMs);
    const done = chunks.map((chunk) => importer.add(chunk, 0));
    assert.deepEqual(done, [...new Array(chunks.length - 1).fill(false), true]);
    moved.serve(this.nowMs);
    return moved;
  }

  /** Publishes message `id` from address 1 with the id as publish number, unless told otherwise. */
  publish(queue: Queue, id: number, options: Omit<RecordOptions, 'id'> & { address?: number } = {}): number {
    writeRecord(this.memory, { id, ...options });
    return queue.publish(this.memory, 0, options.address ?? 1, id, this.nowMs);
  }

  publishAll(queue: Queue, ids: readonly number[], options: Omit<RecordOptions, 'id'> = {}): void {
    for (const id of ids) this.publish(queue, id, options);
  }

  subscribe(queue: Queue, address: number, prefetch = 1000): void {
    queue.subscribe(address, prefetch, this.nowMs);
  }

  ack(queue: Queue, id: number): number {
    return queue.ack(...idWords(id), this.nowMs);
  }

  requeue(queue: Queue, id: number): number {
    return queue.requeue(...idWords(id), this.nowMs);
  }

  fetch(queue: Queue, address: number, fetch: number, timeoutMs: number, autoack = false): void {
    queue.fetch(address, fetch, timeoutMs, autoack, this.nowMs);
  }

  /** Lets time pass, millisecond by millisecond. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left--) {
      this.nowMs++;
      this.wheel.advance(this.nowMs, (owner, item) => this.queues.get(owner)?.timer(item, this.nowMs));
    }
  }

  /** What happened since the last call. */
  take(): string[] {
    const events = this.events;
    this.events = [];
    return events;
  }

  /** Ids of the messages as peek() shows them. */
  peek(queue: Queue, limit = 1e9): { id: number; state: string; attempts: number }[] {
    const seen: { id: number; state: string; attempts: number }[] = [];
    queue.peek(limit, (message, state) => {
      const id = this.idOf(message);
      const attempts = this.messages.memory(message).words[(this.messages.offset(message) >> 2) + WORD_TAGS] >>> 24;
      seen.push({ id, state, attempts });
    });
    return seen;
  }

  /** The number of a message; its whole record is checked on the way. */
  idOf(message: number): number {
    const memory = this.messages.memory(message);
    const offset = this.messages.offset(message);
    const word = (offset >> 2) + WORD_ID;
    const id = memory.words[word + 2];
    assert.deepEqual([...memory.words.subarray(word, word + 4)], idWords(id));
    const body = bodyOffset(memory, offset);
    for (const byte of memory.bytes.subarray(body, body + bodySize(memory, offset))) assert.equal(byte, id & 0xff);
    return id;
  }

  deliver(queue: Queue, address: number, message: number, fetch: number): void {
    const id = this.idOf(message);
    this.events.push(`deliver ${id} to ${address}${fetch === -1 ? '' : ` by fetch ${fetch}`}`);
    this.onDeliver(queue, address, id);
  }

  fetchTimedOut(_queue: Queue, address: number, fetch: number): void {
    this.events.push(`fetchTimedOut ${fetch} of ${address}`);
  }

  unblocked(queue: Queue, _address: number, publish: number, result: number): void {
    this.events.push(`unblocked ${publish} ${result}`);
    this.onUnblocked(queue, publish);
  }

  deadLetter(_queue: Queue, message: number): TransferAnswer {
    this.events.push(`deadLetter ${this.idOf(message)}`);
    return this.deadLetterTo === undefined ? 'refused' : this.transfer(this.deadLetterTo, message);
  }

  /** Publishes the message to another queue of this shard. */
  transfer(target: Queue, message: number): TransferAnswer {
    const { messages, nowMs } = this;
    const result = target.publish(messages.memory(message), messages.offset(message), -1, -1, nowMs);
    return result === 0 ? 'taken' : 'refused';
  }

  idle(queue: Queue): void {
    this.events.push(`idle ${queue.name}`);
  }

  /** Every queue's ledger balances, and the table holds exactly what the queues hold. */
  assertBalanced(): void {
    let held = 0;
    let bytes = 0;
    for (const queue of this.queues.values()) {
      assertBalance(queue);
      held += queue.readyCount + queue.inFlightCount + queue.delayedCount + queue.blockedCount;
      bytes += queue.bytes;
    }
    assert.equal(this.messages.count, held);
    assert.equal(this.messages.slabs.liveBytes, bytes);
  }
}

/** Accepted messages that are nowhere, and offered ones without an answer: both 0 at every moment. */
function balanceOf(queue: Queue): { imbalance: number; unanswered: number } {
  const counts = queue.counts();
  return { imbalance: queue.ledger.imbalance(counts), unanswered: queue.ledger.unanswered(counts) };
}

function assertBalance(queue: Queue): void {
  assert.deepEqual(balanceOf(queue), { imbalance: 0, unanswered: 0 }, `ledger of ${queue.name}`);
}

/** `deliver` events of these ids to one address. */
export function deliveries(ids: readonly number[], address: number): string[] {
  return ids.map((id) => `deliver ${id} to ${address}`);
}
