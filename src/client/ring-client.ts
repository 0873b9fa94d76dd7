// The client of a RingMQ node (and of any hsmq node): publish, consume, fetch over gRPC. One client is one connection,
// used by any number of publishes and consumers at once.
// Called by: applications, src/cli.
import { Connection } from './connection.ts';
import { Consumer } from './consumer.ts';
import { RingError } from './errors.ts';
import { Fetcher } from './fetcher.ts';
import type { ConsumeOptions, FetchOptions, PublishOptions, RingClientOptions } from './options.ts';
import { type MessageData, wireMessage } from './outgoing-message.ts';
import { Publisher } from './publisher.ts';
import { Qos0Stream } from './qos0-stream.ts';
import type { ReceivedMessage } from './received-message.ts';

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_RETRY_TIMEOUT_MS = 30_000;
const DEFAULT_WINDOW = 1_024;
const WINDOW_MAX = 8_192;

/** What the node made of a publish. */
export interface PublishedMessage {
  readonly id: string;
  /** The first queue that took it. */
  readonly queue: string;
  readonly shard: string;
}

export class RingClient {
  readonly #connection: Connection;
  readonly #publisher: Publisher;
  readonly #fetcher: Fetcher;
  readonly #retryTimeoutMs: number;
  readonly #consumers = new Set<Consumer>();

  private constructor(options: RingClientOptions) {
    const windowMax = options.windowMax ?? DEFAULT_WINDOW;
    if (!Number.isInteger(windowMax) || windowMax < 1 || windowMax > WINDOW_MAX)
      throw new RingError(
        'invalid-argument',
        `Cannot connect: received windowMax ${windowMax}, expected 1 to ${WINDOW_MAX}`,
      );
    this.#retryTimeoutMs = options.retryTimeoutMs ?? DEFAULT_RETRY_TIMEOUT_MS;
    this.#connection = new Connection(options);
    this.#publisher = new Publisher(this.#connection, { windowMax, retryTimeoutMs: this.#retryTimeoutMs });
    this.#fetcher = new Fetcher(this.#connection);
  }

  /**
   * Connects to a node and waits until it has answered.
   * Throws RingError: `unavailable` when no node listens there or it does not answer in time, `unauthenticated` when it
   * refuses the token.
   */
  static async connect(options: RingClientOptions = {}): Promise<RingClient> {
    const client = new RingClient(options);
    try {
      await client.#connection.ready(options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS);
      return client;
    } catch (error) {
      client.#connection.close();
      throw error;
    }
  }

  /** `host:port` of the node. */
  get address(): string {
    return this.#connection.address;
  }

  /**
   * Publishes one message; resolves when every queue bound to the topic has taken it. Do not wait for one before the
   * next where speed counts: a window of them is pipelined, and their order is kept. A connection that is lost on the
   * way is made anew and the message sent again, so it may arrive twice: give a `messageId` where that matters. Throws
   * RingError: `not-found` when no queue is bound to the topic, `resource-exhausted` when a queue is full and rejects,
   * `unavailable` when the node was away for longer than `retryTimeoutMs`.
   */
  async publish(topic: string, data: MessageData, options: PublishOptions = {}): Promise<void> {
    return this.#publisher.publish(wireMessage(topic, data, options), options.qos ?? 1);
  }

  /**
   * Publishes one message and tells the id it got. Slower than publish(), and not tried again. Throws as publish()
   * does.
   */
  async publishForId(
    topic: string,
    data: MessageData,
    options: Omit<PublishOptions, 'qos'> = {},
  ): Promise<PublishedMessage> {
    return this.#connection.publish(wireMessage(topic, data, options));
  }

  /** Opens a stream of publishes without confirms. */
  publishStream(): Qos0Stream {
    return new Qos0Stream(this.#connection);
  }

  /**
   * The messages of a queue as they come, for `for await`; leaving the loop ends the consumer. Each is the
   * application's to ack() or requeue(); one that is not acked within the queue's timeout is delivered again. The
   * iteration throws RingError: `not-found` when there is no such queue (or it is deleted), `unavailable` as publish().
   */
  consume(queue: string, options: ConsumeOptions = {}): AsyncIterableIterator<ReceivedMessage, undefined> {
    const onClose = (): void => void this.#consumers.delete(consumer);
    const consumer: Consumer = new Consumer(this.#connection, {
      ...options,
      queue,
      retryTimeoutMs: this.#retryTimeoutMs,
      onClose,
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  /**
   * Takes one message off a queue; undefined when none came in time.
   * Throws RingError: `not-found` when there is no such queue, `unavailable` when the connection is lost.
   */
  fetch(queue: string, options: FetchOptions = {}): Promise<ReceivedMessage | undefined> {
    return this.#fetcher.fetch(queue, options);
  }

  /** Ends consumers (their last acks count), waits for confirms under way and closes the connection. */
  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.return()));
    await Promise.all([this.#publisher.close(), this.#fetcher.close()]);
    this.#connection.close();
  }
}
