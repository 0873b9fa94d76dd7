// The queue machine alone, without socket, thread or protocol: what one publish, delivery and ack cost, how that
// changes with consumers and depth, and what messages and queues at rest cost. Whatever a door achieves, it is less
// than this.
import { TimingWheel } from '../src/base/timing-wheel.ts';
import { Lane } from '../src/core/lane.ts';
import { MessageTable } from '../src/core/message-table.ts';
import { Queue } from '../src/core/queue.ts';
import type { QueueHandler } from '../src/core/queue-handler.ts';
import { type QueueOptions, queueOptions } from '../src/core/queue-options.ts';
import {
  alignedSize,
  packTags,
  RECORD_HEADER_BYTES,
  RecordMemory,
  WORD_BODY_SIZE,
  WORD_ID,
  WORD_SIZE,
  WORD_TAGS,
  WORD_TOPIC_KEY,
} from '../src/core/record.ts';
import type { Measured, Row, Scenario, Size } from './scenario.ts';

const EFFORT = {
  tiny: { messages: 20_000, depth: 50_000, queues: 500 },
  full: { messages: 4_000_000, depth: 10_000_000, queues: 50_000 },
} as const satisfies Readonly<Record<Size, object>>;

const CONSUMERS = [1, 4, 100, 5000];
/** Messages in flight at any time. */
const IN_FLIGHT = 200;
const TOPIC_BYTES = 8;
/** 64 bytes of payload in hsmq's Message. */
const BODY_BYTES = 64 + 24;
const LANE = new Lane();
const NOW_MS = 1_780_000_000_000;

export const queueScenario: Scenario = {
  name: 'queue',
  summary: 'the queue machine alone: publish, delivery and ack of 64 B messages, 10,000,000 deep, 50,000 queues',
  async run(size) {
    const { messages, depth, queues } = EFFORT[size];
    // First, while there is nothing else that the collector could give back meanwhile.
    const start = measureStart(queues);
    const rows: Row[] = [];
    let hash = 0;
    for (const consumers of CONSUMERS) {
      const bench = new QueueBench();
      bench.subscribe(consumers);
      bench.cycle(messages >> 2);
      rows.push({ what: `publish + deliver + ack, ${consumers} consumers`, ns: bench.cycle(messages) });
      hash = (Math.imul(hash, 31) + bench.hash) | 0;
    }
    const deep = measureDepth(depth, messages);
    const shallow = rows[1].ns as number;
    return {
      rows: [...rows, ...deep.rows, ...start],
      ratios: { [`${depth} deep : empty`]: deep.cycleNs / shallow },
      hash: (hash >>> 0).toString(16),
    } satisfies Measured;
  },
};

function measureDepth(depth: number, messages: number): { rows: Row[]; cycleNs: number } {
  const before = residentBytes();
  const bench = new QueueBench();
  bench.cycle(1);
  const fillNs = bench.fill(depth);
  const bytes = residentBytes() - before;
  bench.subscribe(4);
  const cycleNs = bench.cycle(messages);
  const drainNs = bench.drain();
  return {
    cycleNs,
    rows: [
      { what: `publish, nobody takes it, ${depth} times`, ns: fillNs, 'B/message': bytes / depth },
      { what: `publish + deliver + ack, ${depth} deep`, ns: cycleNs },
      { what: `deliver + ack until empty, ${depth} times`, ns: drainNs },
    ],
  };
}

function measureStart(count: number): Row[] {
  const messages = new MessageTable();
  const wheel = new TimingWheel(NOW_MS);
  const shared = { messages, wheel, handler: new QueueBench(), laneOf: () => LANE };
  const queues: Queue[] = [];
  const before = heapBytes();
  const start = process.hrtime.bigint();
  for (let number = 0; number < count; number++) {
    queues.push(new Queue(number, queueOptions({ name: `queue-${number}` }), shared, NOW_MS));
  }
  const ns = Number(process.hrtime.bigint() - start) / count;
  const bytes = (heapBytes() - before) / count;
  return [{ what: `declare a queue, ${queues.length} times`, ns, 'B/queue': bytes }];
}

/** One queue, its consumers, and a publisher that numbers its messages. */
class QueueBench implements QueueHandler {
  hash = 0;
  readonly #messages = new MessageTable();
  readonly #queue: Queue;
  readonly #memory = new RecordMemory(new ArrayBuffer(4096));
  /** Ids of the messages in flight, four words each, in order of delivery. */
  readonly #ids = new Int32Array(4 * 65_536);
  #delivered = 0;
  #acked = 0;
  #next = 0;

  constructor(options: Partial<QueueOptions> = {}) {
    const wheel = new TimingWheel(NOW_MS);
    const shared = { messages: this.#messages, wheel, handler: this, laneOf: () => LANE };
    this.#queue = new Queue(1, queueOptions({ name: 'bench', ...options }), shared, NOW_MS);
    const words = this.#memory.words;
    words[WORD_SIZE] = alignedSize(RECORD_HEADER_BYTES + TOPIC_BYTES + BODY_BYTES);
    words[WORD_TAGS] = packTags(1, 1, 0);
    words[WORD_TOPIC_KEY] = TOPIC_BYTES;
    words[WORD_BODY_SIZE] = BODY_BYTES;
  }

  subscribe(consumers: number): void {
    const prefetch = Math.ceil((2 * IN_FLIGHT) / consumers);
    for (let address = 0; address < consumers; address++) this.#queue.subscribe(address, prefetch, NOW_MS);
  }

  /** Publishes `count` messages, acks as many; returns ns a message. */
  cycle(count: number): number {
    return this.#time(count, () => {
      for (let left = count; left > 0; left--) {
        this.#publish();
        if (this.#delivered - this.#acked > IN_FLIGHT) this.#ack();
      }
    });
  }

  fill(count: number): number {
    return this.#time(count, () => {
      for (let left = count; left > 0; left--) this.#publish();
    });
  }

  drain(): number {
    const count = this.#queue.readyCount + this.#queue.inFlightCount;
    return this.#time(count, () => {
      for (let left = count; left > 0; left--) this.#ack();
    });
  }

  deliver(queue: Queue, address: number, message: number): void {
    const words = queue.messages.memory(message).words;
    const word = (queue.messages.offset(message) >> 2) + WORD_ID;
    const at = (this.#delivered++ & 0xffff) << 2;
    this.#ids[at] = words[word];
    this.#ids[at + 1] = words[word + 1];
    this.#ids[at + 2] = words[word + 2];
    this.#ids[at + 3] = words[word + 3];
    this.hash = (Math.imul(this.hash, 31) + words[word + 3] + address) | 0;
  }

  fetchTimedOut(): void {}

  unblocked(): void {}

  deadLetter(): 'refused' {
    return 'refused';
  }

  idle(): void {}

  #publish(): void {
    const words = this.#memory.words;
    const number = this.#next++;
    words[WORD_ID] = 0x019c_0000;
    words[WORD_ID + 1] = 0x7000 | (number >>> 14);
    words[WORD_ID + 2] = number & 0x3fff;
    words[WORD_ID + 3] = Math.imul(number, 0x9e37_79b9);
    this.#queue.publish(this.#memory, 0, 7, number & 0xffff, NOW_MS);
  }

  #ack(): void {
    const ids = this.#ids;
    const at = (this.#acked++ & 0xffff) << 2;
    this.#queue.ack(ids[at], ids[at + 1], ids[at + 2], ids[at + 3], NOW_MS);
  }

  #time(count: number, work: () => void): number {
    const start = process.hrtime.bigint();
    work();
    return Number(process.hrtime.bigint() - start) / Math.max(1, count);
  }
}

function residentBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss;
}

function heapBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
