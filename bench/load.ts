// The load generator: publishers and consumers of hsmq Streaming in a closed loop, in a process of its own so that the
// broker's threads share a core with nobody. Queues are named b/0, b/1, ... and bound to topics of the same name.
// Runs for a time (throughput, latency) or for a number of messages (checksum of everything that came), then drains.
// Started by peers.ts, or by hand: node bench/load.ts --port 4848 --publishers 4 --consumers 4 --queues 4

import { createHistogram, performance, type RecordableHistogram } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { GrpcStream } from './grpc-stream.ts';
import {
  PAYLOAD_BYTES_MIN,
  type PublishTemplate,
  publishTemplate,
  ResponseKind,
  ResponseReader,
  subscribeRequest,
  writePublish,
} from './hsmq-bytes.ts';
import { cpuTimeUs, residentBytes } from './process-usage.ts';

export interface LoadOptions {
  readonly port: number;
  readonly publishers: number;
  readonly consumers: number;
  readonly queues: number;
  readonly payloadBytes: number;
  readonly qos: number;
  /** Most messages published and not delivered yet, over all publishers. */
  readonly window: number;
  /** Most publishes of one publisher that are not confirmed yet. */
  readonly inFlight: number;
  readonly prefetch: number;
  /** Messages a second over all publishers; 0 = as fast as the loop allows. */
  readonly rate: number;
  readonly warmSeconds: number;
  readonly seconds: number;
  /** Publish exactly so many, and no time limit; 0 = run for `seconds`. */
  readonly messages: number;
  /** Process whose CPU time and memory are reported; 0 = none. */
  readonly pid: number;
  readonly token: string;
  /** Print the state every so many seconds; 0 = never. */
  readonly progressSeconds: number;
}

const LOAD_DEFAULTS: LoadOptions = {
  port: 4848,
  publishers: 4,
  consumers: 4,
  queues: 4,
  payloadBytes: 64,
  qos: 1,
  window: 4096,
  inFlight: 256,
  prefetch: 256,
  rate: 0,
  warmSeconds: 1,
  seconds: 4,
  messages: 0,
  pid: 0,
  token: '',
  progressSeconds: 0,
};

export interface LoadResult {
  readonly seconds: number;
  readonly published: number;
  readonly received: number;
  readonly publishErrors: number;
  readonly publishedPerSecond: number;
  readonly deliveredPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly cpuUsPerDelivery?: number | undefined;
  readonly rssBytes?: number | undefined;
  /** Published minus received after the drain; negative means duplicates. */
  readonly lost: number;
  /** Whether the numbers that came are exactly the numbers that were sent. */
  readonly complete: boolean;
  /** Depends on the numbers received alone, not on their order or on time. */
  readonly hash: string;
}

/** Most publishes of one publisher in a row, so that all take turns. */
const BATCH_MESSAGES_MAX = 64;
/** A drain without any arrival for so long is over: what is missing then is lost. */
const DRAIN_PATIENCE_MS = 3000;
const CONNECT_PATIENCE_MS = 700;

interface Publisher {
  readonly stream: GrpcStream;
  readonly templates: readonly PublishTemplate[];
  next: number;
  inFlight: number;
}

class LoadRun {
  readonly #options: LoadOptions;
  readonly #publishers: Publisher[] = [];
  readonly #consumers: GrpcStream[] = [];
  readonly #histogram: RecordableHistogram = createHistogram();
  readonly #response = new ResponseReader();
  #nowMs = 0;
  #scheduled = false;
  #first = 0;
  #publishing = false;
  #measuring = false;
  #tokens = 0;
  #tokensAtMs = 0;
  #published = 0;
  #received = 0;
  #publishErrors = 0;
  #unconfirmed = 0;
  #sentSum = 0;
  #receivedSum = 0;
  #receivedMix = 0;

  constructor(options: LoadOptions) {
    if (options.payloadBytes < PAYLOAD_BYTES_MIN) {
      throw new Error(
        `Cannot load with ${options.payloadBytes} bytes: the payload holds ${PAYLOAD_BYTES_MIN} at least`,
      );
    }
    this.#options = options;
  }

  async run(): Promise<LoadResult> {
    for (let index = 0; index < this.#options.consumers; index++) this.#addConsumer(index);
    for (let index = 0; index < this.#options.publishers; index++) this.#addPublisher(index);
    await delay(CONNECT_PATIENCE_MS);
    this.#tokensAtMs = performance.now();
    this.#publishing = true;
    const ticks = setInterval(() => this.#pump(), 1);
    const progress = this.#startProgress();
    const result = this.#options.messages > 0 ? await this.#runCounted() : await this.#runTimed();
    clearInterval(ticks);
    clearInterval(progress);
    for (const stream of [...this.#consumers, ...this.#publishers.map((publisher) => publisher.stream)]) stream.close();
    return result;
  }

  #addConsumer(index: number): void {
    const { queues, consumers, prefetch } = this.#options;
    const mine = [];
    for (let queue = index % queues; queue < queues; queue += consumers) mine.push(`b/${queue}`);
    const stream = this.#open((bytes, start, end) => this.#onDelivery(stream, bytes, start, end));
    stream.send(subscribeRequest(mine, prefetch));
    stream.flush();
    this.#consumers.push(stream);
  }

  #addPublisher(index: number): void {
    const { queues, publishers, payloadBytes, qos } = this.#options;
    const templates: PublishTemplate[] = [];
    for (let queue = index % queues; queue < queues; queue += publishers) {
      templates.push(publishTemplate({ topic: `b/${queue}`, payloadBytes, qos }));
    }
    const stream = this.#open((bytes, start) => this.#onConfirmation(publisher, bytes[start] >> 3));
    const publisher: Publisher = { stream, templates, next: 0, inFlight: 0 };
    this.#publishers.push(publisher);
  }

  #open(onMessage: (bytes: Buffer, start: number, end: number) => void): GrpcStream {
    return new GrpcStream({
      port: this.#options.port,
      path: '/hsmq.v1.hsmq.HSMQ/Streaming',
      token: this.#options.token === '' ? undefined : this.#options.token,
      onMessage,
      onTurn: () => this.#schedule(),
      onClose: (reason) => {
        throw new Error(`Cannot go on with the load: ${reason}`);
      },
    });
  }

  /** Positional: called once per message. */
  #onDelivery(stream: GrpcStream, bytes: Buffer, start: number, end: number): void {
    const response = this.#response;
    response.read(bytes, start, end);
    if (response.kind !== ResponseKind.message) return;
    this.#received++;
    this.#receivedSum = (this.#receivedSum + response.number) >>> 0;
    this.#receivedMix = (this.#receivedMix + mix(response.number)) >>> 0;
    if (this.#nowMs === 0) this.#nowMs = performance.now();
    if (this.#measuring) this.#histogram.record(Math.max(1, Math.round((this.#nowMs - response.sentMs) * 1000)));
    stream.send(response.ack);
  }

  #onConfirmation(publisher: Publisher, kind: number): void {
    if (kind !== ResponseKind.pubAck && kind !== ResponseKind.pubError) return;
    if (kind === ResponseKind.pubError) this.#publishErrors++;
    publisher.inFlight--;
    this.#unconfirmed--;
  }

  /** All reads of one turn first, then one round of publishes: batches grow with the load, as a busy client's do. */
  #schedule(): void {
    this.#nowMs = 0;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (!this.#publishing) return;
    const nowMs = performance.now();
    const { rate } = this.#options;
    this.#tokens =
      rate === 0 ? Infinity : Math.min(rate / 10, this.#tokens + ((nowMs - this.#tokensAtMs) / 1000) * rate);
    this.#tokensAtMs = nowMs;
    // Another one begins each time: the first would otherwise take what the window has left, and its queue would grow.
    this.#first = (this.#first + 1) % this.#publishers.length;
    for (let turn = 0; turn < this.#publishers.length; turn++) {
      this.#publishBatch(this.#publishers[(this.#first + turn) % this.#publishers.length], nowMs);
    }
    this.#nowMs = 0;
  }

  #publishBatch(publisher: Publisher, nowMs: number): void {
    const { qos, inFlight, messages } = this.#options;
    for (let count = 0; count < BATCH_MESSAGES_MAX; count++) {
      const template = publisher.templates[publisher.next];
      if (messages > 0 && this.#published >= messages) break;
      if (this.#tokens < 1 || (qos > 0 && publisher.inFlight >= inFlight) || this.#isWindowFull()) break;
      if (!publisher.stream.canSend(template.bytes.length)) break;
      publisher.next = (publisher.next + 1) % publisher.templates.length;
      const { bytes, at } = publisher.stream.reserve(template.bytes.length);
      writePublish(template, bytes, at, nowMs, this.#published);
      this.#sentSum = (this.#sentSum + this.#published) >>> 0;
      this.#published++;
      this.#tokens--;
      if (qos === 0) continue;
      publisher.inFlight++;
      this.#unconfirmed++;
    }
    publisher.stream.flush();
  }

  #isWindowFull(): boolean {
    return this.#options.consumers > 0 && this.#published - this.#received >= this.#options.window;
  }

  async #runTimed(): Promise<LoadResult> {
    const { warmSeconds, seconds, pid } = this.#options;
    await delay(warmSeconds * 1000);
    this.#measuring = true;
    const startMs = performance.now();
    const before = { published: this.#published, received: this.#received, cpuUs: cpuTimeUs(pid) };
    await delay(seconds * 1000);
    const elapsed = (performance.now() - startMs) / 1000;
    const measured = { published: this.#published - before.published, received: this.#received - before.received };
    const cpuUs = cpuTimeUs(pid);
    this.#measuring = false;
    this.#publishing = false;
    const usedUs = cpuUs === undefined || before.cpuUs === undefined ? undefined : cpuUs - before.cpuUs;
    await this.#drain();
    return this.#result({ ...measured, seconds: elapsed, cpuUs: usedUs });
  }

  async #runCounted(): Promise<LoadResult> {
    const startMs = performance.now();
    const cpuBeforeUs = cpuTimeUs(this.#options.pid);
    this.#measuring = true;
    while (this.#published < this.#options.messages) await delay(5);
    await this.#drain();
    const seconds = (performance.now() - startMs) / 1000;
    const cpuUs = cpuTimeUs(this.#options.pid);
    const usedUs = cpuUs === undefined || cpuBeforeUs === undefined ? undefined : cpuUs - cpuBeforeUs;
    return this.#result({ published: this.#published, received: this.#received, seconds, cpuUs: usedUs });
  }

  /** Waits until everything is confirmed and delivered, or nothing has come for a while. */
  async #drain(): Promise<void> {
    const expected = (): number => (this.#options.consumers === 0 ? 0 : this.#published - this.#publishErrors);
    let last = -1;
    let lastMs = performance.now();
    while (this.#received < expected() || this.#unconfirmed > 0) {
      const state = this.#received - this.#unconfirmed;
      if (state !== last) lastMs = performance.now();
      else if (performance.now() - lastMs > DRAIN_PATIENCE_MS) return;
      last = state;
      await delay(2);
    }
    // The acks of the last deliveries are on their way.
    await delay(50);
  }

  #result(run: { seconds: number; published: number; received: number; cpuUs: number | undefined }): LoadResult {
    const lost = this.#options.consumers === 0 ? 0 : this.#published - this.#publishErrors - this.#received;
    return {
      seconds: run.seconds,
      published: this.#published,
      received: this.#received,
      publishErrors: this.#publishErrors,
      publishedPerSecond: run.published / run.seconds,
      deliveredPerSecond: run.received / run.seconds,
      p50Us: this.#histogram.count === 0 ? 0 : this.#histogram.percentile(50),
      p99Us: this.#histogram.count === 0 ? 0 : this.#histogram.percentile(99),
      cpuUsPerDelivery: run.cpuUs === undefined || run.received === 0 ? undefined : run.cpuUs / run.received,
      rssBytes: residentBytes(this.#options.pid),
      lost,
      complete: lost === 0 && this.#receivedSum === this.#sentSum && this.#unconfirmed === 0,
      hash: `${this.#received}-${this.#receivedMix.toString(16).padStart(8, '0')}`,
    };
  }

  #startProgress(): NodeJS.Timeout | undefined {
    const { progressSeconds } = this.#options;
    if (progressSeconds === 0) return undefined;
    const print = (): void => {
      console.log(JSON.stringify({ kind: 'progress', published: this.#published, received: this.#received }));
    };
    return setInterval(print, progressSeconds * 1000);
  }
}

/** Spreads the bits of a number, so that a sum of mixed numbers notices a wrong pair that a plain sum would not. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Options from flags of the same name: --payloadBytes 64 --rate 1000. */
function loadOptions(args: readonly string[]): LoadOptions {
  const names = Object.keys(LOAD_DEFAULTS) as (keyof LoadOptions)[];
  const flags = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ args: [...args], options: flags });
  const given = Object.entries(values).map(([name, text]) => [name, name === 'token' ? text : Number(text)]);
  return { ...LOAD_DEFAULTS, ...Object.fromEntries(given) };
}

if (import.meta.main) {
  const result = await new LoadRun(loadOptions(process.argv.slice(2))).run();
  console.log(JSON.stringify({ kind: 'result', result }));
}
