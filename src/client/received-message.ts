// A message as the application gets it from consume() and fetch(), with the two ways to settle it.
// Called by: consumer.ts, fetcher.ts.
import { decodeWireMessage, type WireMessage, type WireMeta, type WireRequest } from './hsmq-stub.ts';

/** What a message consists of, wherever it comes from. */
export interface MessageContent {
  readonly topic: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Buffer;
  /** Empty for plain bytes. */
  readonly typeUrl: string;
}

/** Where a message settles: the stream it came on, or the one that took its place. */
export type Settle = (request: WireRequest) => void;

export class ReceivedMessage implements MessageContent {
  readonly topic: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Buffer;
  readonly typeUrl: string;
  /** UUIDv7 of the message: the same in every queue and every delivery. */
  readonly id: string;
  readonly queue: string;
  /** The shard that holds the queue, as `node/number`. */
  readonly shard: string;
  readonly #meta: WireMeta;
  readonly #settle: Settle;

  constructor(message: WireMessage, meta: WireMeta, settle: Settle) {
    const { topic, key, headers, data, typeUrl } = contentOf(message);
    this.topic = topic;
    this.key = key;
    this.headers = headers;
    this.data = data;
    this.typeUrl = typeUrl;
    this.id = meta.id;
    this.queue = meta.queue;
    this.shard = meta.shard;
    this.#meta = meta;
    this.#settle = settle;
  }

  /** The data as UTF-8. */
  text(): string {
    return this.data.toString('utf8');
  }

  /**
   * Takes the message off its queue. Sent at once and not waited for: when the connection is lost before it arrives,
   * the message is delivered again. Acking twice is harmless.
   */
  ack(): void {
    this.#settle({ message_ack: { meta: this.#meta } });
  }

  /** Gives the message back: it goes to the head of its queue at once, and is delivered again. */
  requeue(): void {
    this.#settle({ message_requeue: { meta: this.#meta } });
  }
}

/** Decodes what a queue holds for an hsmq publish, as the admin surface's peek shows it. Throws on malformed bytes. */
export function decodeContent(bytes: Buffer): MessageContent {
  return contentOf(decodeWireMessage(bytes));
}

function contentOf({ topic, key, headers, data }: WireMessage): MessageContent {
  return { topic, key, headers, data: data?.value ?? Buffer.alloc(0), typeUrl: data?.type_url ?? '' };
}
