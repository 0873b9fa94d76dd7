// Confirmed publishes over one Streaming call, pipelined: up to a window of them are on their way, each found again by
// its request id when its PubAck comes. When the call breaks, a new one is opened with back-off and everything
// unconfirmed is sent again in order, so a message may arrive twice, and none is lost while the client lives.
// Called by: ring-client.ts, one a client.
import { setTimeout as delay } from 'node:timers/promises';
import { Outage } from './backoff.ts';
import { type Connection, finishCall } from './connection.ts';
import { errorOfStatus, gaveUp, isConnectionLoss, RingError, type RingErrorCode } from './errors.ts';
import type { StreamingCall, WireMessage, WireResponse } from './hsmq-stub.ts';

/** How long close() waits for confirms, ms: a queue that makes its publishers wait may never give them. */
const CLOSE_TIMEOUT_MS = 5_000;

interface Publish {
  readonly message: WireMessage;
  readonly qos: number;
  readonly resolve: () => void;
  readonly reject: (error: RingError) => void;
}

export class Publisher {
  readonly #connection: Connection;
  readonly #windowMax: number;
  readonly #outage: Outage;
  #call: StreamingCall | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Sent and not confirmed, by request id, in the order of sending. */
  readonly #unconfirmed = new Map<string, Publish>();
  /** Not sent yet: the window is full, the socket is, or the connection is gone. */
  #waiting: Publish[] = [];
  #waitingFrom = 0;
  #nextId = 1;
  #congested = false;
  #closed = false;
  #onIdle: (() => void) | undefined;

  constructor(connection: Connection, options: { windowMax: number; retryTimeoutMs: number }) {
    this.#connection = connection;
    this.#windowMax = options.windowMax;
    this.#outage = new Outage(options.retryTimeoutMs);
  }

  publish(message: WireMessage, qos: number): Promise<void> {
    if (this.#closed) return Promise.reject(new RingError('cancelled', 'Cannot publish: the client is closed'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, qos, resolve, reject });
      this.#send();
    });
  }

  /** Waits for the confirms of what was published, for a moment, then closes the call; what is left fails. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.race([this.#settled(), delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    clearTimeout(this.#retry);
    const call = this.#call;
    this.#call = undefined;
    this.#fail(new RingError('cancelled', 'The client was closed before the publish was confirmed'));
    if (call !== undefined) await finishCall(call);
  }

  #settled(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  #isIdle(): boolean {
    return this.#unconfirmed.size === 0 && this.#waitingFrom === this.#waiting.length;
  }

  #send(): void {
    if (this.#retry !== undefined || this.#congested) return;
    if (this.#waitingFrom === this.#waiting.length) return;
    this.#call ??= this.#open();
    const call = this.#call;
    while (this.#waitingFrom < this.#waiting.length && this.#unconfirmed.size < this.#windowMax && !this.#congested) {
      const publish = this.#waiting[this.#waitingFrom++];
      const id = String(this.#nextId++);
      if (publish.qos !== 0) this.#unconfirmed.set(id, publish);
      this.#write(call, id, publish);
      if (publish.qos === 0) publish.resolve();
    }
    if (this.#waitingFrom === this.#waiting.length) {
      this.#waiting = [];
      this.#waitingFrom = 0;
    }
  }

  #write(call: StreamingCall, id: string, { message, qos }: Publish): void {
    this.#congested = !call.write({ publish_message: { message, qos, request_id: id } });
  }

  #open(): StreamingCall {
    const call = this.#connection.streaming();
    this.#congested = false;
    call.on('data', (response: WireResponse) => this.#receive(call, response));
    call.on('drain', () => {
      this.#congested = false;
      this.#send();
    });
    // 'error' follows 'status' with the same content; without a listener it would end the process.
    call.on('error', () => {});
    call.on('status', (status) => this.#ended(call, errorOfStatus(status)));
    // Everything the last call took without a confirm. More than a window it cannot be, so congestion does not matter.
    for (const [id, publish] of this.#unconfirmed) this.#write(call, id, publish);
    return call;
  }

  #receive(call: StreamingCall, response: WireResponse): void {
    this.#outage.over();
    if (response.kind === 'pub_ack') this.#take(response.pub_ack.request_id)?.resolve();
    else if (response.kind === 'pub_error') {
      const { info, request_id: id } = response.pub_error;
      // The node drains: the publish is for the node that comes after it.
      if (info === 'shutdown') call.cancel();
      else this.#take(id)?.reject(new RingError(refusalCode(info), info));
    }
    this.#send();
    if (this.#isIdle()) this.#onIdle?.();
  }

  #take(id: string): Publish | undefined {
    const publish = this.#unconfirmed.get(id);
    this.#unconfirmed.delete(id);
    return publish;
  }

  #ended(call: StreamingCall, error: RingError): void {
    if (call !== this.#call) return;
    this.#call = undefined;
    this.#congested = false;
    if (this.#isIdle()) return;
    const delayMs = isConnectionLoss(error) ? this.#outage.nextDelayMs(Date.now(), Math.random()) : undefined;
    if (delayMs === undefined || this.#closed) {
      this.#fail(gaveUp(error, this.#connection.address));
      return;
    }
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#call = this.#open();
      this.#send();
    }, delayMs);
  }

  #fail(error: RingError): void {
    const failed = [...this.#unconfirmed.values(), ...this.#waiting.slice(this.#waitingFrom)];
    this.#unconfirmed.clear();
    this.#waiting = [];
    this.#waitingFrom = 0;
    this.#outage.over();
    for (const publish of failed) publish.reject(error);
    this.#onIdle?.();
  }
}

/** The code of a refusal inside a stream, which carries only a text. */
function refusalCode(info: string): RingErrorCode {
  if (/not found$/.test(info)) return 'not-found';
  if (/is full$|takes no more/.test(info)) return 'resource-exhausted';
  return 'failed-precondition';
}
