// A broker and a call that only record: sessions are tested against them without a queue or a socket.
import type { BrokerPort, QueueRoute, SessionSink, TopicRoute } from '../../src/core/broker-port.ts';
import { PublishResult } from '../../src/core/publish-result.ts';
import { RecordMemory } from '../../src/core/record.ts';
import { MessageLimit } from '../../src/session/message-limit.ts';
import { BufferPool } from '../../src/wire/grpc/buffer-pool.ts';
import type { GrpcCall } from '../../src/wire/grpc/method.ts';
import { OutputBuffer } from '../../src/wire/grpc/output-buffer.ts';
import { encodeMetaSuffix } from '../../src/wire/hsmq/responses.ts';
import { method } from '../wire/hsmq/hsmq-proto.ts';

export function fakeQueue(name: string, number = 1): QueueRoute {
  return { number, name, prefetchCount: 1, metaSuffix: encodeMetaSuffix({ queue: name, shard: 'n/0' }) };
}

/** What a publishing session gets as its options: a limit that no message of a test reaches. */
export const UNLIMITED = { limit: new MessageLimit({ messageBytesMax: 2 ** 30, onRefused: () => {} }) };

export class FakeBroker implements BrokerPort {
  routesVersion = 1;
  draining = false;
  publishResult: number = PublishResult.accepted;
  publishQueue: QueueRoute | undefined;
  /** What publish() answers: how many queues have not answered. */
  waiting = 0;
  readonly queues = new Map<string, QueueRoute>();
  readonly topics = new Map<string, TopicRoute>();
  readonly calls: unknown[][] = [];
  sink: SessionSink | undefined;
  #ids = 0;

  nowMs(): number {
    return 1_700_000_000_000;
  }
  topic(name: string): TopicRoute | undefined {
    return this.topics.get(name);
  }
  queue(name: string): QueueRoute | undefined {
    return this.queues.get(name);
  }
  recordMemory(size: number): RecordMemory {
    return new RecordMemory(new ArrayBuffer(size));
  }
  nextId(words: Int32Array, to: number): void {
    words[to] = ++this.#ids;
  }
  open(sink: SessionSink): number {
    this.sink = sink;
    return 5;
  }
  close(session: number): void {
    this.calls.push(['close', session]);
  }
  publish(session: number, publish: number, _route: TopicRoute, memory: RecordMemory): number {
    this.calls.push(['publish', session, publish, Buffer.from(memory.bytes)]);
    return this.waiting;
  }
  subscribe(_session: number, queue: QueueRoute, prefetch: number): void {
    this.calls.push(['subscribe', queue.name, prefetch]);
  }
  ack(_session: number, queue: QueueRoute, id: Int32Array, from: number): void {
    this.calls.push(['ack', queue.name, ...id.slice(from, from + 4)]);
  }
  requeue(_session: number, queue: QueueRoute, id: Int32Array, from: number): void {
    this.calls.push(['requeue', queue.name, ...id.slice(from, from + 4)]);
  }
  fetch(_session: number, queue: QueueRoute, fetch: number, timeoutMs: number): void {
    this.calls.push(['fetch', queue.name, fetch, timeoutMs]);
  }
}

export class FakeCall implements GrpcCall {
  readonly metadata: Record<string, string> = {};
  readonly peer = '127.0.0.1:1';
  readonly principal = { name: 'anonymous', kind: 'anonymous' } as const;
  readonly out = new OutputBuffer(new BufferPool());
  readonly deadlineMs = Number.POSITIVE_INFINITY;
  congested = false;
  paused = false;
  finished: { code: number; message: string } | undefined;
  readonly #written: (() => void)[] = [];

  get pendingBytes(): number {
    return this.out.position;
  }
  flushSoon(): void {}
  written(callback: () => void): void {
    this.#written.push(callback);
  }
  sendHeaders(): void {}
  finish(code = 0, message = ''): void {
    this.finished ??= { code, message };
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }

  /** Everything appended so far has reached the socket. */
  flushed(): void {
    for (const callback of this.#written.splice(0)) callback();
  }

  /** Takes the responses written so far, as the library decodes them. */
  responses(name: 'Streaming' | 'SubscribeQueue' | 'Publish' | 'PublishQos0' = 'Streaming'): object[] {
    const decoded: object[] = [];
    for (let at = 0; at < this.out.position; ) {
      const end = at + 5 + this.out.bytes.readUInt32BE(at + 1);
      const message = method(name).responseDeserialize(Buffer.from(this.out.bytes.subarray(at + 5, end)));
      const plain = JSON.parse(JSON.stringify(message)) as Record<string, unknown>;
      delete plain.kind;
      decoded.push(plain);
      at = end;
    }
    this.out.position = 0;
    return decoded;
  }
}
