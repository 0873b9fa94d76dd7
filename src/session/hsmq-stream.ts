// One `Streaming` call of an hsmq client: publishes with and without confirm, subscriptions, acks, fetches and pings in
// one stream. Requests are decoded in place, and what they cause is written into the call's output.
//
// Reading stops (and HTTP/2 flow control reaches the client) while too many publishes wait for their queues, while
// rings to other shards are full, or while the client does not read what we send. Deliveries stop in that last case
// too.
// Lives on: a shard, one a call. Called by: the gRPC door (requests) and the broker (SessionSink).
import { BrokerError } from '../base/errors.ts';
import { FETCHES_PER_STREAM_MAX, PREFETCH_MAX, UNCONFIRMED_PUBLISHES_MAX } from '../base/limits.ts';
import { readUuid } from '../base/uuid.ts';
import type { BrokerPort, QueueRoute, SessionSink } from '../core/broker-port.ts';
import { isRefused } from '../core/publish-result.ts';
import { bodyOffset, bodySize, type RecordMemory, WORD_ID } from '../core/record.ts';
import type { GrpcCall, GrpcHandler } from '../wire/grpc/method.ts';
import { GRPC_STATUS } from '../wire/grpc/status.ts';
import { RequestDecoder, RequestKind } from '../wire/hsmq/request-decoder.ts';
import * as responses from '../wire/hsmq/responses.ts';
import { assembleRecord } from './hsmq-record.ts';
import { checkQueueCount, publishRefusal, topicNotFound } from './hsmq-texts.ts';
import type { MessageLimit } from './message-limit.ts';
import { PauseReasons } from './pause-reasons.ts';
import { TopicCache } from './topic-cache.ts';
import { Unconfirmed } from './unconfirmed.ts';

/** Longest wait of a fetch, ms: what a timer can hold. A client that wants more asks again. */
const FETCH_TIMEOUT_MS_MAX = 0x7fffffff;

export class HsmqStream implements GrpcHandler, SessionSink {
  readonly #broker: BrokerPort;
  readonly #call: GrpcCall;
  readonly #session: number;
  readonly #decoder = new RequestDecoder();
  readonly #topics: TopicCache;
  readonly #unconfirmed = new Unconfirmed();
  readonly #pause: PauseReasons;
  readonly #limit: MessageLimit;
  readonly #idWords = new Int32Array(4);
  /** Prefetch by queue number of the subscriptions, to set to 0 and back while the client does not read. */
  readonly #prefetch = new Map<number, { readonly queue: QueueRoute; readonly count: number }>();
  /** Fetches under way by number. */
  readonly #fetches = new Map<number, { readonly queue: string; readonly autoack: boolean }>();
  #nextFetch = 0;
  #settleQueue: QueueRoute | undefined;
  #routesVersion = -1;
  #deliveriesHeld = false;
  #draining = false;
  #ended = false;

  constructor(broker: BrokerPort, call: GrpcCall, options: { readonly limit: MessageLimit }) {
    this.#broker = broker;
    this.#limit = options.limit;
    this.#call = call;
    this.#topics = new TopicCache(broker);
    this.#pause = new PauseReasons(call);
    this.#session = broker.open(this);
    // Some clients (tonic) wait for the response's headers before they send their first request.
    call.sendHeaders({});
  }

  message(bytes: Buffer, start: number, end: number): void {
    const decoder = this.#decoder;
    decoder.decodeRequest(bytes, start, end);
    switch (decoder.kind) {
      case RequestKind.publishMessage:
        this.#publish(bytes);
        break;
      case RequestKind.messageAck:
      case RequestKind.messageRequeue:
        this.#settle(bytes);
        break;
      case RequestKind.subscribeQueue:
        checkQueueCount(decoder.queues.length);
        for (const name of decoder.queues) this.#subscribe(name);
        break;
      case RequestKind.fetchMessage:
        this.#fetch();
        break;
      case RequestKind.ping:
        responses.writePong(this.#call.out);
        this.#call.flushSoon();
        break;
    }
    if (this.#call.congested) this.#holdDeliveries();
  }

  /**
   * The client half-closed: its consumers leave; the call ends when its publishes are confirmed and fetches answered.
   */
  end(): void {
    this.#ended = true;
    for (const { queue } of this.#prefetch.values()) this.#broker.subscribe(this.#session, queue, 0);
    this.#prefetch.clear();
    this.#finishWhenDone();
  }

  closed(): void {
    this.#broker.close(this.#session);
  }

  drained(): void {
    this.#pause.clear('output');
    this.#deliveriesHeld = false;
    for (const { queue, count } of this.#prefetch.values()) {
      // The first queues may have congested the call again: the others then stay held.
      this.#broker.subscribe(this.#session, queue, this.#deliveriesHeld ? 0 : count);
    }
  }

  #publish(bytes: Buffer): void {
    const { message, messageStart, messageEnd, requestIdStart, requestIdEnd } = this.#decoder;
    const route = this.#topics.find(bytes, message.topicStart, message.topicEnd);
    const tooLarge = this.#limit.refusal(messageEnd - messageStart);
    if (route === undefined || this.#draining || tooLarge !== '') {
      const topic = bytes.toString('utf8', message.topicStart, message.topicEnd);
      this.#publishError(
        this.#draining ? 'shutdown' : tooLarge || topicNotFound(topic),
        topic,
        bytes.toString('utf8', requestIdStart, requestIdEnd),
      );
      return;
    }
    const memory = assembleRecord(this.#broker, this.#decoder, bytes);
    const confirm = this.#decoder.qos !== 0;
    const number = this.#unconfirmed.nextNumber;
    const remaining = this.#broker.publish(this.#session, confirm ? number : -1, route, memory);
    const result = this.#broker.publishResult;
    if (remaining > 0 && confirm) this.#wait(bytes, number, remaining);
    else if (isRefused(result)) {
      const topic = bytes.toString('utf8', message.topicStart, message.topicEnd);
      const name = this.#broker.publishQueue?.name ?? '';
      this.#publishError(publishRefusal(result, name), topic, bytes.toString('utf8', requestIdStart, requestIdEnd));
    } else if (confirm) {
      responses.writePubAck(this.#call.out, bytes, requestIdStart, requestIdEnd);
      this.#call.flushSoon();
    }
  }

  #wait(bytes: Buffer, number: number, remaining: number): void {
    const { message, requestIdStart, requestIdEnd } = this.#decoder;
    const result = this.#broker.publishResult;
    this.#unconfirmed.advance();
    this.#unconfirmed.add(number, {
      remaining,
      requestId: bytes.toString('utf8', requestIdStart, requestIdEnd),
      topic: bytes.toString('utf8', message.topicStart, message.topicEnd),
      result,
      queueName: this.#broker.publishQueue?.name ?? '',
      confirm: true,
    });
    if (this.#unconfirmed.count >= UNCONFIRMED_PUBLISHES_MAX) this.#pause.set('unconfirmed');
  }

  #publishError(info: string, topic: string, requestId: string): void {
    responses.writePubError(this.#call.out, info, topic, requestId);
    this.#call.flushSoon();
  }

  /**
   * Ack and requeue. The echo goes out before the queue delivers the next message, as clients of the original expect.
   */
  #settle(bytes: Buffer): void {
    const decoder = this.#decoder;
    const isAck = decoder.kind === RequestKind.messageAck;
    if (isAck) {
      responses.writeMessageAck(this.#call.out, bytes, decoder.bodyStart, decoder.bodyEnd);
      this.#call.flushSoon();
    }
    if (!readUuid(bytes, decoder.idStart, decoder.idEnd, this.#idWords)) return;
    const queue = this.#queueOf(bytes, decoder.queueStart, decoder.queueEnd);
    if (queue === undefined) return;
    if (isAck) this.#broker.ack(this.#session, queue, this.#idWords, 0);
    else this.#broker.requeue(this.#session, queue, this.#idWords, 0);
  }

  /** The queue named in a meta. Consumers mostly settle one queue: the last one is remembered. */
  #queueOf(bytes: Buffer, start: number, end: number): QueueRoute | undefined {
    const last = this.#settleQueue;
    if (
      last !== undefined &&
      this.#routesVersion === this.#broker.routesVersion &&
      isName(last.metaSuffix, bytes, start, end)
    )
      return last;
    const queue = this.#broker.queue(bytes.toString('utf8', start, end));
    this.#settleQueue = queue;
    this.#routesVersion = this.#broker.routesVersion;
    return queue;
  }

  #subscribe(name: string): void {
    const queue = this.#broker.queue(name);
    if (queue === undefined) {
      responses.writeFetchError(this.#call.out, `Cannot subscribe: queue "${name}" not found`, name);
      this.#call.flushSoon();
      return;
    }
    const asked = this.#decoder.prefetch;
    if (asked < 0)
      throw new BrokerError(
        'invalid-argument',
        `Cannot subscribe: received prefetch_count ${asked}, expected 0 (default) to ${PREFETCH_MAX}`,
      );
    const count = Math.min(asked === 0 ? queue.prefetchCount : asked, PREFETCH_MAX);
    this.#prefetch.set(queue.number, { queue, count });
    this.#broker.subscribe(this.#session, queue, this.#deliveriesHeld ? 0 : count);
  }

  #fetch(): void {
    const { queue: name, timeoutSeconds, autoack } = this.#decoder;
    const queue = this.#broker.queue(name);
    const timeoutMs = Math.ceil(timeoutSeconds * 1000);
    const refusal = this.#fetchRefusal(queue, timeoutMs);
    if (queue === undefined || refusal !== '') {
      responses.writeFetchError(this.#call.out, refusal, name);
      this.#call.flushSoon();
      return;
    }
    const fetch = this.#nextFetch;
    this.#nextFetch = (fetch + 1) & 0x7fffffff;
    this.#fetches.set(fetch, { queue: name, autoack });
    this.#broker.fetch(this.#session, queue, fetch, Math.min(timeoutMs, FETCH_TIMEOUT_MS_MAX));
  }

  /** Why a fetch cannot be; empty when it can. */
  #fetchRefusal(queue: QueueRoute | undefined, timeoutMs: number): string {
    const { queue: name, timeoutSeconds } = this.#decoder;
    if (queue === undefined) return `Queue "${name}" not found`;
    if (!(timeoutMs >= 0)) return `Cannot fetch: received timeout ${timeoutSeconds}, expected seconds from 0`;
    if (this.#fetches.size < FETCHES_PER_STREAM_MAX) return '';
    return `Cannot fetch: ${FETCHES_PER_STREAM_MAX} fetches of this stream wait already, its limit`;
  }

  // From the broker.

  delivered(queue: QueueRoute, memory: RecordMemory, offset: number, fetch: number): void {
    const body = bodyOffset(memory, offset);
    const idFrom = (offset >> 2) + WORD_ID;
    const size = bodySize(memory, offset);
    responses.writeDelivery(this.#call.out, memory.bytes, body, body + size, memory.words, idFrom, queue.metaSuffix);
    this.#call.flushSoon();
    if (fetch >= 0) this.#fetched(fetch, queue, memory.words.slice(idFrom, idFrom + 4));
    if (this.#call.congested) this.#holdDeliveries();
  }

  /**
   * An autoack fetch is acked when its message has been handed to the socket, so that a lost connection loses nothing.
   */
  #fetched(fetch: number, queue: QueueRoute, id: Int32Array): void {
    const autoack = this.#fetches.get(fetch)?.autoack === true;
    this.#fetches.delete(fetch);
    if (autoack) this.#call.written(() => this.#broker.ack(this.#session, queue, id, 0));
    this.#finishWhenDone();
  }

  confirmed(publish: number, result: number, queue: QueueRoute | undefined): void {
    const done = this.#unconfirmed.answered(publish, result, queue?.name ?? '');
    if (done === undefined) return;
    if (isRefused(done.result))
      this.#publishError(publishRefusal(done.result, done.queueName), done.topic, done.requestId);
    else if (done.confirm) {
      const id = Buffer.from(done.requestId);
      responses.writePubAck(this.#call.out, id, 0, id.length);
      this.#call.flushSoon();
    }
    if (this.#unconfirmed.count <= UNCONFIRMED_PUBLISHES_MAX / 2) this.#pause.clear('unconfirmed');
    this.#finishWhenDone();
  }

  fetchTimedOut(_queue: QueueRoute | undefined, fetch: number): void {
    const waiting = this.#fetches.get(fetch);
    if (waiting === undefined) return;
    this.#fetches.delete(fetch);
    responses.writeFetchTimeout(this.#call.out, waiting.queue);
    this.#call.flushSoon();
    this.#finishWhenDone();
  }

  queueDeleted(queue: QueueRoute): void {
    if (!this.#prefetch.delete(queue.number)) return;
    responses.writeFetchError(this.#call.out, `Queue "${queue.name}" was deleted`, queue.name);
    this.#call.flushSoon();
  }

  throttle(on: boolean): void {
    if (on) this.#pause.set('rings');
    else this.#pause.clear('rings');
  }

  drain(): void {
    this.#draining = true;
    const redirect = this.#call.metadata.redirect;
    if (typeof redirect !== 'string' || redirect === '') return;
    responses.writeRedirect(this.#call.out, redirect);
    this.#call.flushSoon();
  }

  stop(): void {
    this.#call.finish(GRPC_STATUS.unavailable, 'shutdown');
  }

  #holdDeliveries(): void {
    this.#pause.set('output');
    if (this.#deliveriesHeld) return;
    this.#deliveriesHeld = true;
    for (const { queue } of this.#prefetch.values()) this.#broker.subscribe(this.#session, queue, 0);
  }

  #finishWhenDone(): void {
    if (this.#ended && this.#unconfirmed.count === 0 && this.#fetches.size === 0) this.#call.finish();
  }
}

/** Whether `bytes[start, end)` is the queue name that the suffix begins with (tag, one-byte length, name). */
function isName(suffix: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const size = end - start;
  if (size > 127 || suffix[1] !== size) return false;
  for (let index = 0; index < size; index++) if (suffix[index + 2] !== bytes[start + index]) return false;
  return true;
}
