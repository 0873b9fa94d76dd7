// The rpc `SubscribeQueue`: a stream of messages from one or more queues, without acks from the client. A message is
// acked for the client when it has been handed to the socket, so that one which was not goes back to its queue.
// Lives on: a shard, one a call. Called by: the gRPC door and the broker.
import { BrokerError } from '../base/errors.ts';
import { SUBSCRIBE_PREFETCH } from '../base/limits.ts';
import type { BrokerPort, QueueRoute, SessionSink } from '../core/broker-port.ts';
import { bodyOffset, bodySize, type RecordMemory, WORD_ID } from '../core/record.ts';
import type { GrpcCall, GrpcHandler } from '../wire/grpc/method.ts';
import { GRPC_STATUS } from '../wire/grpc/status.ts';
import { RequestDecoder } from '../wire/hsmq/request-decoder.ts';
import * as responses from '../wire/hsmq/responses.ts';
import { checkQueueCount } from './hsmq-texts.ts';

/** Messages written but not yet handed to the socket, in the order they were written. */
class UnwrittenBatch {
  readonly queues: QueueRoute[] = [];
  readonly ids: number[] = [];
}

export class HsmqSubscribe implements GrpcHandler, SessionSink {
  readonly #broker: BrokerPort;
  readonly #call: GrpcCall;
  readonly #session: number;
  #queues: QueueRoute[] = [];
  #batch: UnwrittenBatch | undefined;
  /** The client does not read: nothing is delivered for now. */
  #held = false;

  constructor(broker: BrokerPort, call: GrpcCall) {
    this.#broker = broker;
    this.#call = call;
    this.#session = broker.open(this);
    // Some clients (tonic) wait for the response's headers before they send their first request.
    call.sendHeaders({});
  }

  message(bytes: Buffer, start: number, end: number): void {
    const decoder = new RequestDecoder();
    decoder.decodeSubscribe(bytes, start, end);
    checkQueueCount(decoder.queues.length);
    this.#queues = [...new Set(decoder.queues)].map((name) => {
      const queue = this.#broker.queue(name);
      if (queue === undefined) throw new BrokerError('not-found', `Cannot subscribe: queue "${name}" not found`);
      return queue;
    });
    if (this.#queues.length === 0)
      throw new BrokerError('invalid-argument', 'Cannot subscribe: received no queue, expected at least one');
    for (const queue of this.#queues) this.#broker.subscribe(this.#session, queue, this.#held ? 0 : SUBSCRIBE_PREFETCH);
  }

  end(): void {}

  closed(): void {
    this.#broker.close(this.#session);
  }

  /** The client reads again: its queues go on, until one of them congests the call. */
  drained(): void {
    this.#held = false;
    for (const queue of this.#queues) this.#broker.subscribe(this.#session, queue, this.#held ? 0 : SUBSCRIBE_PREFETCH);
  }

  #hold(): void {
    if (this.#held) return;
    this.#held = true;
    for (const queue of this.#queues) this.#broker.subscribe(this.#session, queue, 0);
  }

  delivered(queue: QueueRoute, memory: RecordMemory, offset: number): void {
    const body = bodyOffset(memory, offset);
    responses.writeSubscriptionMessage(this.#call.out, memory.bytes, body, body + bodySize(memory, offset));
    this.#remember(queue, memory.words, (offset >> 2) + WORD_ID);
    this.#call.flushSoon();
    if (this.#call.congested) this.#hold();
  }

  /** One write callback a loop turn acks everything written in it: that ack is also the flow control. */
  #remember(queue: QueueRoute, words: Int32Array, from: number): void {
    let batch = this.#batch;
    if (batch === undefined) {
      const opened = new UnwrittenBatch();
      batch = opened;
      this.#batch = opened;
      queueMicrotask(() => {
        this.#batch = undefined;
        this.#call.written(() => this.#ack(opened));
      });
    }
    batch.queues.push(queue);
    batch.ids.push(words[from], words[from + 1], words[from + 2], words[from + 3]);
  }

  #ack(batch: UnwrittenBatch): void {
    const ids = Int32Array.from(batch.ids);
    for (let index = 0; index < batch.queues.length; index++) {
      this.#broker.ack(this.#session, batch.queues[index], ids, index * 4);
    }
  }

  confirmed(): void {}
  fetchTimedOut(): void {}

  queueDeleted(queue: QueueRoute): void {
    this.#call.finish(GRPC_STATUS['not-found'], `Queue "${queue.name}" was deleted`);
  }

  throttle(): void {}

  drain(): void {
    const redirect = this.#call.metadata.redirect;
    if (typeof redirect !== 'string' || redirect === '') return;
    responses.writeSubscriptionRedirect(this.#call.out, redirect);
    this.#call.flushSoon();
  }

  stop(): void {
    this.#call.finish(GRPC_STATUS.unavailable, 'shutdown');
  }
}
