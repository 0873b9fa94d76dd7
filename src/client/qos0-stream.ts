// Publishes without confirms over hsmq's PublishQos0: the fastest way in. The node tells at the end how many it took;
// what was on its way when the connection is lost is lost.
// Called by: ring-client.ts, one a publishStream().
import { once } from 'node:events';
import type { ClientWritableStream } from '@grpc/grpc-js';
import type { Connection } from './connection.ts';
import type { WireMessage } from './hsmq-stub.ts';
import type { PublishOptions } from './options.ts';
import { type MessageData, wireMessage } from './outgoing-message.ts';

export class Qos0Stream {
  readonly #call: ClientWritableStream<WireMessage>;
  readonly #count: Promise<number>;
  #failure: unknown;

  constructor(connection: Connection) {
    const { call, count } = connection.publishQos0();
    this.#call = call;
    this.#count = count;
    // Kept for the next write() and for end(); here it only must not count as unhandled.
    count.catch((error: unknown) => {
      this.#failure = error;
      call.emit('drain');
    });
  }

  /**
   * Hands one message to the socket; resolves when there is room for the next. Throws a RingError when the stream has
   * ended: `not-found` when an earlier topic has no queue, `unavailable` when the connection is lost.
   */
  async write(topic: string, data: MessageData, options: Omit<PublishOptions, 'qos'> = {}): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#call.write(wireMessage(topic, data, options))) return;
    await once(this.#call, 'drain');
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends the stream; resolves with the number of messages that the node took. */
  end(): Promise<number> {
    this.#call.end();
    return this.#count;
  }
}
