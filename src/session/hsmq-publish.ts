// hsmq's two publishing rpcs outside of a stream: `Publish` (one Message, answered with its id and queue when the
// queues have taken it) and `PublishQos0` (a stream of Messages, answered with their count at its end).
// Lives on: a shard, one a call. Called by: the gRPC door and the broker.
import { BrokerError } from '../base/errors.ts';
import type { BrokerPort, QueueRoute, SessionSink, TopicRoute } from '../core/broker-port.ts';
import { isRefused } from '../core/publish-result.ts';
import { type RecordMemory, WORD_ID } from '../core/record.ts';
import type { GrpcCall, GrpcHandler } from '../wire/grpc/method.ts';
import { GRPC_STATUS } from '../wire/grpc/status.ts';
import { RequestDecoder } from '../wire/hsmq/request-decoder.ts';
import * as responses from '../wire/hsmq/responses.ts';
import { assembleRecord } from './hsmq-record.ts';
import { publishRefusal, topicNotFound } from './hsmq-texts.ts';
import type { MessageLimit } from './message-limit.ts';
import { PauseReasons } from './pause-reasons.ts';
import { TopicCache } from './topic-cache.ts';

/** What both calls share: a session without deliveries. */
abstract class PublishCall implements SessionSink {
  protected readonly broker: BrokerPort;
  protected readonly call: GrpcCall;
  protected readonly session: number;
  protected readonly decoder = new RequestDecoder();
  protected readonly pause: PauseReasons;
  protected draining = false;
  readonly #limit: MessageLimit;

  constructor(broker: BrokerPort, call: GrpcCall, options: { readonly limit: MessageLimit }) {
    this.broker = broker;
    this.call = call;
    this.#limit = options.limit;
    this.pause = new PauseReasons(call);
    this.session = broker.open(this);
  }

  closed(): void {
    this.broker.close(this.session);
  }

  drained(): void {}

  throttle(on: boolean): void {
    if (on) this.pause.set('rings');
    else this.pause.clear('rings');
  }

  drain(): void {
    this.draining = true;
  }

  stop(): void {
    this.call.finish(GRPC_STATUS.unavailable, 'shutdown');
  }

  delivered(): void {}
  fetchTimedOut(): void {}
  queueDeleted(): void {}
  abstract confirmed(publish: number, result: number, queue: QueueRoute | undefined): void;

  /** Decodes the Message `bytes[start, end)`; throws when it is larger than could be delivered. */
  protected decode(bytes: Buffer, start: number, end: number): void {
    const refusal = this.#limit.refusal(end - start);
    if (refusal !== '') throw new BrokerError('resource-exhausted', refusal);
    this.decoder.decodeMessage(bytes, start, end);
  }

  /** The route that was found for the decoded message; throws when there is none. */
  protected found(route: TopicRoute | undefined, bytes: Buffer): TopicRoute {
    if (route !== undefined) return route;
    const { topicStart, topicEnd } = this.decoder.message;
    throw new BrokerError('not-found', topicNotFound(bytes.toString('utf8', topicStart, topicEnd)));
  }
}

/** The rpc Publish. */
export class HsmqPublish extends PublishCall implements GrpcHandler {
  readonly #id = new Int32Array(4);
  /** Of this publish, random: a late answer to an earlier call does not match it. */
  #number = 0;
  #queue: QueueRoute | undefined;
  #remaining = 0;
  #refused = false;

  message(bytes: Buffer, start: number, end: number): void {
    this.decode(bytes, start, end);
    // A unary publish is always confirmed, so its record says QoS 1.
    this.decoder.qos = 1;
    const { topicStart, topicEnd } = this.decoder.message;
    const route = this.found(this.broker.topic(bytes.toString('utf8', topicStart, topicEnd)), bytes);
    const memory = assembleRecord(this.broker, this.decoder, bytes);
    this.#keep(memory, route);
    this.#number = this.#id[3] & 0x7fffffff;
    this.#remaining = this.broker.publish(this.session, this.#number, route, memory);
    this.#refuse(this.broker.publishResult, this.broker.publishQueue);
    if (this.#remaining === 0) this.#answer();
  }

  end(): void {}

  confirmed(publish: number, result: number, queue: QueueRoute | undefined): void {
    if (publish !== this.#number) return;
    this.#remaining--;
    // One refusal ends the call, whatever the other queues say.
    if (this.#refused) return;
    this.#refused = isRefused(result);
    if (this.#refused) this.call.finish(GRPC_STATUS['resource-exhausted'], publishRefusal(result, queue?.name ?? ''));
    else if (this.#remaining === 0) this.#answer();
  }

  #keep(memory: RecordMemory, route: TopicRoute): void {
    this.#id.set(memory.words.subarray(WORD_ID, WORD_ID + 4));
    this.#queue = route.queues[0];
  }

  #refuse(result: number, queue: QueueRoute | undefined): void {
    if (isRefused(result)) throw new BrokerError('resource-exhausted', publishRefusal(result, queue?.name ?? ''));
  }

  #answer(): void {
    if (this.#queue !== undefined) responses.writePublishMeta(this.call.out, this.#id, 0, this.#queue.metaSuffix);
    this.call.finish();
  }
}

/** The rpc PublishQos0: refusals of a full queue are counted there and not told, as QoS 0 says. */
export class HsmqPublishQos0 extends PublishCall implements GrpcHandler {
  readonly #topics: TopicCache;
  #count = 0;

  constructor(broker: BrokerPort, call: GrpcCall, options: { readonly limit: MessageLimit }) {
    super(broker, call, options);
    this.#topics = new TopicCache(broker);
  }

  message(bytes: Buffer, start: number, end: number): void {
    if (this.draining) throw new BrokerError('unavailable', 'shutdown');
    this.decode(bytes, start, end);
    const { topicStart, topicEnd } = this.decoder.message;
    const route = this.found(this.#topics.find(bytes, topicStart, topicEnd), bytes);
    this.broker.publish(this.session, -1, route, assembleRecord(this.broker, this.decoder, bytes));
    this.#count++;
  }

  end(): void {
    responses.writePublishCount(this.call.out, this.#count);
    this.call.finish();
  }

  confirmed(): void {}
}
