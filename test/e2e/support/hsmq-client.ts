// A foreign client of hsmq: grpc-js with the proto loaded by @grpc/proto-loader, as an application would use it.
import { fileURLToPath } from 'node:url';
import {
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { until } from './until.ts';

const PROTO = fileURLToPath(new URL('../../../config/proto/hsmq.proto', import.meta.url));
const definition = loadSync(PROTO, { keepCase: true, longs: Number, defaults: true, oneofs: true });

export interface Meta {
  id: string;
  queue: string;
  shard: string;
}
export interface Message {
  topic: string;
  key?: string;
  data?: { type_url?: string; value: Buffer } | null;
  headers?: Record<string, string>;
}
export interface Response {
  kind: string;
  message?: { message: Message; meta: Meta };
  pub_ack?: { request_id: string };
  pub_error?: { info: string; topic: string; request_id: string };
  fetch_message_timeout?: { queue: string };
  fetch_message_error?: { info: string; queue: string };
  message_ack?: { meta: Meta };
  redirect?: { grpc_uri: string };
  pong?: object;
}
export interface PublishResponse {
  kind: string;
  count?: number;
  message_meta?: Meta;
  redirect?: { grpc_uri: string };
}

interface HsmqStub extends Client {
  Publish(
    message: Message,
    metadata: Metadata,
    callback: (error: ServiceError | null, response: PublishResponse) => void,
  ): void;
  PublishQos0(
    metadata: Metadata,
    callback: (error: ServiceError | null, response: PublishResponse) => void,
  ): ClientWritableStream<Message>;
  SubscribeQueue(
    request: { queues: string[] },
    metadata: Metadata,
  ): ClientReadableStream<{ kind: string; message?: Message }>;
  Streaming(metadata: Metadata): ClientDuplexStream<object, Response>;
}

type StubConstructor = new (address: string, credentials: ChannelCredentials, options?: object) => HsmqStub;

/** One Streaming call with everything it received so far. */
class Stream {
  readonly call: ClientDuplexStream<object, Response>;
  readonly received: Response[] = [];
  status: { code: number; details: string } | undefined;
  #read = 0;

  constructor(call: ClientDuplexStream<object, Response>) {
    this.call = call;
    call.on('data', (response: Response) => this.received.push(response));
    call.on('error', () => {});
    call.on('status', (status) => {
      this.status = { code: status.code, details: status.details };
    });
  }

  send(request: object): void {
    this.call.write(request);
  }

  /** The next response that was not read yet. */
  async next(): Promise<Response> {
    await until(() => this.received.length > this.#read || this.status !== undefined, 'a response');
    if (this.received.length <= this.#read) throw new Error(`The stream ended: ${JSON.stringify(this.status)}`);
    return this.received[this.#read++];
  }

  /** The next message, passing over acks. */
  async nextMessage(): Promise<{ message: Message; meta: Meta }> {
    for (;;) {
      const response = await this.next();
      if (response.message !== undefined && response.kind === 'message') return response.message;
    }
  }

  subscribe(queue: string, prefetch: number): void {
    this.send({ subscribe_queue: { queues: [queue], prefetch_count: prefetch } });
  }

  ack(meta: Meta): void {
    this.send({ message_ack: { meta } });
  }

  /** Publishes one message and waits for its PubAck. */
  async publish(topic: string, text: string, headers: Record<string, string> = {}): Promise<void> {
    this.send({ publish_message: { message: message(topic, text, headers), qos: 1, request_id: text } });
    const answer = await this.next();
    if (answer.kind !== 'pub_ack') throw new Error(`Not confirmed: ${JSON.stringify(answer)}`);
  }
}

export function message(topic: string, text: string, headers: Record<string, string> = {}): Message {
  return { topic, headers, data: { type_url: '', value: Buffer.from(text) } };
}

/** Text of a received message. */
export function textOf(received: Message): string {
  return received.data?.value.toString() ?? '';
}

export class HsmqClient {
  readonly stub: HsmqStub;
  readonly metadata = new Metadata();
  readonly #streams: Stream[] = [];

  constructor(
    address: string,
    options: { token?: string; redirect?: string; credentials?: ChannelCredentials; channel?: object } = {},
  ) {
    const service = loadPackageDefinition(definition) as unknown as {
      hsmq: { v1: { hsmq: { HSMQ: StubConstructor } } };
    };
    // Each client has a connection of its own, as clients in other processes would.
    const channel = { 'grpc.use_local_subchannel_pool': 1, ...options.channel };
    this.stub = new service.hsmq.v1.hsmq.HSMQ(address, options.credentials ?? credentials.createInsecure(), channel);
    if (options.token !== undefined) this.metadata.set('authorization', `Bearer ${options.token}`);
    if (options.redirect !== undefined) this.metadata.set('redirect', options.redirect);
  }

  publish(topic: string, text: string, headers: Record<string, string> = {}): Promise<PublishResponse> {
    return new Promise((resolve, reject) => {
      this.stub.Publish(message(topic, text, headers), this.metadata, (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });
  }

  publishQos0(topic: string, texts: readonly string[]): Promise<PublishResponse> {
    return new Promise((resolve, reject) => {
      const call = this.stub.PublishQos0(this.metadata, (error, response) =>
        error ? reject(error) : resolve(response),
      );
      for (const text of texts) call.write(message(topic, text));
      call.end();
    });
  }

  stream(): Stream {
    const stream = new Stream(this.stub.Streaming(this.metadata));
    this.#streams.push(stream);
    return stream;
  }

  /** Ends its streams too: a channel of grpc-js lives on as long as one of its calls. */
  close(): void {
    for (const stream of this.#streams) stream.call.cancel();
    this.stub.close();
  }
}
