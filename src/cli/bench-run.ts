// One measurement: publishers and consumers of this process against a node, in a closed loop - a bounded number of
// messages is on its way, so that a latency is that of the broker and not of a backlog. A message carries the time of
// its publish.
// Called by: bench-command.ts.
import { setTimeout as delay } from 'node:timers/promises';
import type { PublishOptions, RingClient } from '../client/index.ts';
import { Latency } from './latency.ts';

/** Bytes of the time that a body begins with. */
export const STAMP_BYTES = 8;

/** Publishes in a row before others get a turn. */
const BATCH = 64;

/** What is missing after so long without any arrival, ms, does not come any more. */
const DRAIN_PATIENCE_MS = 3_000;

const POLL_MS = 10;

export interface BenchOptions {
  readonly sizeBytes: number;
  readonly seconds: number;
  /** Messages a second over all publishers; undefined: as fast as the loop allows. */
  readonly rate: number | undefined;
  /** Messages published and not delivered yet, over all publishers. */
  readonly window: number;
  readonly qos: 0 | 1;
  readonly prefetch: number;
  /** Queues, each bound to the topic of its name. */
  readonly queues: readonly string[];
  readonly publishers: readonly RingClient[];
  readonly consumers: readonly RingClient[];
  readonly interrupt: AbortSignal;
}

export interface BenchResult {
  readonly seconds: number;
  readonly published: number;
  readonly delivered: number;
  /** Confirmed and never delivered; below 0: delivered twice. */
  readonly missing: number;
  readonly publishedPerSecond: number;
  readonly deliveredPerSecond: number;
}

export class BenchRun {
  readonly latency = new Latency();
  readonly #options: BenchOptions;
  readonly #filler: Buffer;
  #published = 0;
  #confirmed = 0;
  #delivered = 0;
  #failure: unknown;
  #publishing = true;

  constructor(options: BenchOptions) {
    this.#options = options;
    this.#filler = Buffer.alloc(Math.max(options.sizeBytes, STAMP_BYTES), 'x');
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** Publishes for the time asked for, or until interrupted, then waits for what is on its way. */
  async run(): Promise<BenchResult> {
    const ended = new AbortController();
    const consumers = this.#subscriptions(ended.signal);
    const startMs = performance.now();
    const publishers = this.#options.publishers.map((client, index) => this.#publishFrom(client, index));
    await delay(this.#options.seconds * 1000, undefined, { signal: this.#options.interrupt }).catch(() => {});
    const seconds = (performance.now() - startMs) / 1000;
    const deliveredInTime = this.#delivered;
    const publishedInTime = this.#confirmed;
    this.#publishing = false;
    await Promise.all(publishers);
    await this.#drain();
    ended.abort();
    await Promise.all(consumers);
    if (this.#failure !== undefined) throw this.#failure;
    return {
      seconds,
      published: this.#confirmed,
      delivered: this.#delivered,
      missing: this.#confirmed - this.#delivered,
      publishedPerSecond: Math.round(publishedInTime / seconds),
      deliveredPerSecond: Math.round(deliveredInTime / seconds),
    };
  }

  /** Every consumer has a queue, and every queue a consumer. */
  #subscriptions(signal: AbortSignal): Promise<void>[] {
    const { consumers, queues } = this.#options;
    return Array.from({ length: Math.max(consumers.length, queues.length) }, (_, index) =>
      this.#consume(consumers[index % consumers.length], { queue: queues[index % queues.length], signal }),
    );
  }

  async #consume(client: RingClient, { queue, signal }: { queue: string; signal: AbortSignal }): Promise<void> {
    try {
      for await (const message of client.consume(queue, { prefetch: this.#options.prefetch, signal })) {
        this.latency.record((performance.now() - message.data.readDoubleLE(0)) * 1000);
        message.ack();
        this.#delivered++;
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  async #publishFrom(client: RingClient, index: number): Promise<void> {
    const { queues, publishers, rate, window, qos } = this.#options;
    const options: PublishOptions = { qos };
    const share = rate === undefined ? Number.POSITIVE_INFINITY : rate / publishers.length;
    const startMs = performance.now();
    let sent = 0;
    while (this.#publishing && this.#failure === undefined) {
      const due = Number.isFinite(share) ? ((performance.now() - startMs) / 1000) * share - sent : BATCH;
      const room = window - (this.#published - this.#delivered);
      const batch = Math.min(BATCH, Math.floor(due), room);
      for (let one = 0; one < batch; one++)
        this.#publish(client, { topic: queues[(index + sent++) % queues.length], options });
      await (batch > 0 ? nextTurn() : delay(1));
    }
  }

  #publish(client: RingClient, { topic, options }: { topic: string; options: PublishOptions }): void {
    const body = Buffer.from(this.#filler);
    body.writeDoubleLE(performance.now(), 0);
    this.#published++;
    client.publish(topic, body, options).then(
      () => {
        this.#confirmed++;
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Waits for deliveries and for confirms: either may be the last to come. */
  async #drain(): Promise<void> {
    let seen = -1;
    let sinceMs = performance.now();
    while (this.#failure === undefined && Math.min(this.#delivered, this.#confirmed) < this.#published) {
      if (seen !== this.#delivered + this.#confirmed) {
        seen = this.#delivered + this.#confirmed;
        sinceMs = performance.now();
      }
      if (performance.now() - sinceMs > DRAIN_PATIENCE_MS) return;
      await delay(POLL_MS);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
