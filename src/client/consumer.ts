// One consumer of one queue, as an async iterable: a Streaming call of its own with a subscription, whose prefetch
// bounds what waits here. When the call breaks, it subscribes anew with back-off; what was not acked by then comes
// again.
// Called by: ring-client.ts, one a consume().
import { Outage } from './backoff.ts';
import { type Connection, finishCall } from './connection.ts';
import { errorOfStatus, gaveUp, isConnectionLoss, RingError } from './errors.ts';
import type { StreamingCall, WireRequest, WireResponse } from './hsmq-stub.ts';
import type { ConsumeOptions } from './options.ts';
import { ReceivedMessage } from './received-message.ts';

interface Waiter {
  readonly resolve: (result: IteratorResult<ReceivedMessage, undefined>) => void;
  readonly reject: (error: RingError) => void;
}

const DONE = { done: true, value: undefined } as const;

export class Consumer implements AsyncIterableIterator<ReceivedMessage, undefined> {
  readonly #connection: Connection;
  readonly #queue: string;
  readonly #options: ConsumeOptions;
  readonly #outage: Outage;
  readonly #onClose: () => void;
  readonly #abort = () => void this.return();
  #call: StreamingCall | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Received and not handed out; never more than the prefetch. */
  #received: ReceivedMessage[] = [];
  readonly #waiters: Waiter[] = [];
  #failure: RingError | undefined;
  #closed = false;

  constructor(
    connection: Connection,
    options: ConsumeOptions & { queue: string; retryTimeoutMs: number; onClose: () => void },
  ) {
    this.#connection = connection;
    this.#queue = options.queue;
    this.#options = options;
    this.#outage = new Outage(options.retryTimeoutMs);
    this.#onClose = options.onClose;
    if (options.signal?.aborted === true) this.#closed = true;
    else this.#subscribe();
    options.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    const message = this.#received.shift();
    if (message !== undefined) return Promise.resolve(this.#handOut(message));
    if (this.#failure !== undefined) return this.#throwOnce(this.#failure);
    if (this.#closed) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Ends the consumer: acks sent before count, everything else goes back to the queue. */
  async return(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    if (!this.#closed) {
      this.#end();
      const call = this.#call;
      this.#call = undefined;
      if (call !== undefined) await finishCall(call);
    }
    return DONE;
  }

  #end(): void {
    this.#closed = true;
    this.#received = [];
    clearTimeout(this.#retry);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#onClose();
    for (const { resolve } of this.#waiters.splice(0)) resolve(DONE);
  }

  #subscribe(): void {
    const call = this.#connection.streaming();
    this.#call = call;
    call.on('data', (response: WireResponse) => this.#receive(response));
    // 'error' follows 'status' with the same content; without a listener it would end the process.
    call.on('error', () => {});
    call.on('status', (status) => this.#ended(call, errorOfStatus(status)));
    call.write({ subscribe_queue: { queues: [this.#queue], prefetch_count: this.#options.prefetch ?? 0 } });
  }

  #receive(response: WireResponse): void {
    if (this.#closed) return;
    this.#outage.over();
    if (response.kind === 'message') {
      const { message, meta } = response.message;
      this.#deliver(new ReceivedMessage(message, meta, (request) => this.#settle(request)));
    } else if (response.kind === 'fetch_message_error') {
      this.#fail(new RingError('not-found', response.fetch_message_error.info));
    }
  }

  #deliver(message: ReceivedMessage): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#received.push(message);
    else waiter.resolve(this.#handOut(message));
  }

  #handOut(message: ReceivedMessage): IteratorResult<ReceivedMessage, undefined> {
    if (this.#options.autoAck === true) message.ack();
    return { done: false, value: message };
  }

  /**
   * Acks may travel on a later call than the message came on: the queue knows it by its id. Without any they are lost.
   */
  #settle(request: WireRequest): void {
    this.#call?.write(request);
  }

  #ended(call: StreamingCall, error: RingError): void {
    if (call !== this.#call || this.#closed) return;
    this.#call = undefined;
    // The node has put these back; they would be delivered twice.
    this.#received = [];
    const delayMs = isConnectionLoss(error) ? this.#outage.nextDelayMs(Date.now(), Math.random()) : undefined;
    if (delayMs === undefined) this.#fail(gaveUp(error, this.#connection.address));
    else this.#retry = setTimeout(() => this.#subscribe(), delayMs);
  }

  #fail(error: RingError): void {
    const [first] = this.#waiters.splice(0, 1);
    if (first === undefined) this.#failure = error;
    else first.reject(error);
    this.#call?.cancel();
    this.#call = undefined;
    this.#end();
  }

  #throwOnce(error: RingError): Promise<never> {
    this.#failure = undefined;
    return Promise.reject(error);
  }
}
