// One connection to a node: grpc-js' channel with our settings, and the metadata that every call carries. The channel
// reconnects by itself; streams do not, that is the business of publisher.ts and consumer.ts.
// Called by: ring-client.ts makes it, the other files open calls on it.
import { setTimeout as delay } from 'node:timers/promises';
import { type ClientWritableStream, Metadata } from '@grpc/grpc-js';
import { errorOfStatus, RingError } from './errors.ts';
import { HsmqStub, type StreamingCall, type WireMessage, type WireMeta } from './hsmq-stub.ts';
import type { TlsOptions } from './options.ts';
import { securityOf } from './tls.ts';

const DEFAULT_ADDRESS = '127.0.0.1:4848';

/** A unary publish that takes longer has met a queue that makes publishers wait. */
const PUBLISH_TIMEOUT_MS = 60_000;

/** How long a finished stream is waited for, ms: its last acks are on their way. */
const FINISH_TIMEOUT_MS = 2_000;

const CHANNEL_OPTIONS = {
  // A connection of its own for each client: the node spreads connections over its shards.
  'grpc.use_local_subchannel_pool': 1,
  // The largest message of a node, 4 MiB, with its envelope.
  'grpc.max_receive_message_length': 8 * 1024 * 1024,
  // We send again what was not confirmed; the library's own retries would keep a copy of every message besides.
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 5_000,
  // A node that vanished without closing the connection is noticed within half a minute.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
};

export class Connection {
  readonly address: string;
  readonly #stub: HsmqStub;
  readonly #metadata = new Metadata();

  constructor(options: { address?: string; token?: string; tls?: boolean | TlsOptions }) {
    this.address = options.address ?? DEFAULT_ADDRESS;
    const { credentials, channelOptions } = securityOf(options.tls, this.address);
    this.#stub = new HsmqStub(this.address, credentials, { ...CHANNEL_OPTIONS, ...channelOptions });
    if (options.token !== undefined) this.#metadata.set('authorization', `Bearer ${options.token}`);
  }

  /**
   * Resolves when the node has answered a ping: it is there, and lets us in. One attempt; it fails at once when
   * refused.
   */
  async ready(timeoutMs: number): Promise<void> {
    const call = this.streaming();
    const cut = setTimeout(() => call.cancel(), timeoutMs);
    try {
      await pong(call);
    } catch (error) {
      throw this.#connectError(error as RingError, timeoutMs);
    } finally {
      clearTimeout(cut);
      call.end();
    }
  }

  streaming(): StreamingCall {
    return this.#stub.Streaming(this.#metadata);
  }

  /** Publishes by the unary rpc, which alone answers with the id that the message got. */
  publish(message: WireMessage): Promise<WireMeta> {
    const deadline = new Date(Date.now() + PUBLISH_TIMEOUT_MS);
    return new Promise((resolve, reject) => {
      this.#stub.Publish(message, this.#metadata, { deadline }, (error, response) => {
        if (error) reject(errorOfStatus(error));
        else if (response.message_meta !== undefined) resolve(response.message_meta);
        else reject(new RingError('unavailable', `The node sent the publish elsewhere: ${response.kind}`));
      });
    });
  }

  /** Opens PublishQos0; `count` resolves with the number of messages that the node took. */
  publishQos0(): { call: ClientWritableStream<WireMessage>; count: Promise<number> } {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const call = this.#stub.PublishQos0(this.#metadata, (error, response) =>
      error ? reject(errorOfStatus(error)) : resolve(response.count ?? 0),
    );
    return { call, count: promise };
  }

  close(): void {
    this.#stub.close();
  }

  #connectError(error: RingError, timeoutMs: number): RingError {
    if (error.code === 'cancelled') return this.#unavailable(`no gRPC node answered in ${timeoutMs} ms`, error);
    if (error.code !== 'unavailable') return error;
    // grpc-js puts what the system said into a longer text.
    return this.#unavailable(
      /Last error: (?:Error: )?(.*?)\.? Resolution/.exec(error.message)?.[1] ?? error.message,
      error,
    );
  }

  #unavailable(reason: string, cause: RingError): RingError {
    return new RingError('unavailable', `Cannot connect to ${this.address}: ${reason}`, { cause });
  }
}

/** Half-closes a stream and waits until the node has read all of it, so that the last acks count. */
export async function finishCall(call: StreamingCall): Promise<void> {
  const ended = new Promise((resolve) => call.once('status', resolve));
  call.removeAllListeners('data');
  call.resume();
  call.end();
  await Promise.race([ended, delay(FINISH_TIMEOUT_MS, undefined, { ref: false })]);
  call.cancel();
}

function pong(call: StreamingCall): Promise<void> {
  return new Promise((resolve, reject) => {
    call.once('data', () => resolve());
    call.on('error', (error) => reject(errorOfStatus(error as never)));
    call.write({ ping: {} });
  });
}
