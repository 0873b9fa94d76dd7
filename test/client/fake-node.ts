// hsmq's service on grpc-js, written from the proto: enough of a broker to test clients against. Every queue takes what
// is published to the topic of its name. Streams can be cut, and the server can drain or go away and come back.

import { fileURLToPath } from 'node:url';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { WireMessage, WireMeta } from '../../src/client/hsmq-stub.ts';

const PROTO = fileURLToPath(new URL('../../config/proto/hsmq.proto', import.meta.url));
const definition = loadSync(PROTO, { keepCase: true, longs: Number, defaults: true, oneofs: true });

interface Request {
  readonly kind: string;
  readonly subscribe_queue: { queues: string[]; prefetch_count: number };
  readonly message_ack: { meta: WireMeta };
  readonly message_requeue: { meta: WireMeta };
  readonly publish_message: { message: WireMessage; qos: number; request_id: string };
  readonly fetch_message: { queue: string; timeout: number; autoack: boolean };
}

type Call = ServerDuplexStream<Request, object>;

interface Held {
  readonly message: WireMessage;
  readonly meta: WireMeta;
}

interface Consumer {
  readonly call: Call;
  credit: number;
  /** A fetch takes one message, then leaves. */
  readonly fetch?: { readonly timer: NodeJS.Timeout; readonly autoack: boolean };
}

class FakeQueue {
  readonly name: string;
  ready: Held[] = [];
  readonly unacked = new Map<string, { held: Held; consumer: Consumer }>();
  consumers: Consumer[] = [];
  acked = 0;

  constructor(name: string) {
    this.name = name;
  }

  deliver(): void {
    for (;;) {
      const consumer = this.consumers.find(({ credit }) => credit > 0);
      const held = consumer === undefined ? undefined : this.ready.shift();
      if (consumer === undefined || held === undefined) return;
      consumer.credit--;
      if (consumer.fetch !== undefined) this.#leave(consumer);
      if (consumer.fetch?.autoack === true) this.acked++;
      else this.unacked.set(held.meta.id, { held, consumer });
      consumer.call.write({ message: held });
    }
  }

  settle(id: string, kind: 'ack' | 'requeue'): void {
    const found = this.unacked.get(id);
    if (!this.unacked.delete(id) || found === undefined) return;
    if (kind === 'ack') this.acked++;
    else this.ready.unshift(found.held);
    found.consumer.credit++;
    this.deliver();
  }

  gone(call: Call): void {
    for (const consumer of this.consumers.filter((one) => one.call === call)) this.#leave(consumer);
    const back = [...this.unacked.values()].filter(({ consumer }) => consumer.call === call);
    for (const { held } of back) this.unacked.delete(held.meta.id);
    this.ready.unshift(...back.map(({ held }) => held));
    this.deliver();
  }

  #leave(consumer: Consumer): void {
    clearTimeout(consumer.fetch?.timer);
    this.consumers = this.consumers.filter((one) => one !== consumer);
  }
}

export class FakeNode {
  readonly queues = new Map<string, FakeQueue>();
  readonly calls = new Set<Call>();
  /** Required when set. */
  token: string | undefined;
  draining = false;
  /** Leaves publishes without an answer, while set. */
  silent = false;
  /** Every publish as it came, also those sent again. */
  readonly published: WireMessage[] = [];
  #server: Server | undefined;
  #port = 0;
  #ids = 0;

  constructor(...queues: string[]) {
    for (const name of queues) this.queues.set(name, new FakeQueue(name));
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  queue(name: string): FakeQueue {
    const found = this.queues.get(name);
    if (found === undefined) throw new Error(`The fake node has no queue ${name}`);
    return found;
  }

  /** Listens on a free port, or again on the one it had. */
  async start(credentials = ServerCredentials.createInsecure()): Promise<this> {
    const server = new Server();
    server.addService(definition['hsmq.v1.hsmq.HSMQ'] as ServiceDefinition, {
      Publish: this.#unary.bind(this) as never,
      PublishQos0: this.#qos0.bind(this) as never,
      Streaming: this.#streaming.bind(this) as never,
    });
    this.#port = await new Promise((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${this.#port}`, credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
    this.#server = server;
    return this;
  }

  /** Goes away at once, with all its connections. What queues hold stays. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  /** Ends every stream with an error, as a node that is restarted behind a proxy. */
  cut(): void {
    for (const call of this.calls) call.emit('error', { code: status.UNAVAILABLE, details: 'cut' });
  }

  #refusal(metadata: Metadata): object | undefined {
    if (this.draining) return { code: status.UNAVAILABLE, details: 'shutdown', metadata: new Metadata() };
    const [given] = metadata.get('authorization');
    if (this.token === undefined || given === `Bearer ${this.token}`) return undefined;
    return { code: status.UNAUTHENTICATED, details: 'The token is not valid', metadata: new Metadata() };
  }

  #publish(message: WireMessage): WireMeta | undefined {
    this.published.push(message);
    const queue = this.queues.get(message.topic);
    if (queue === undefined) return undefined;
    const meta = { id: `id-${++this.#ids}`, queue: queue.name, shard: 'fake/0' };
    queue.ready.push({ message, meta });
    queue.deliver();
    return meta;
  }

  #unary(
    call: { metadata: Metadata; request: WireMessage },
    answer: (error: object | null, response?: object) => void,
  ): void {
    const refusal = this.#refusal(call.metadata);
    const meta = refusal === undefined ? this.#publish(call.request) : undefined;
    const details = `Subscribers for topic ${call.request.topic} not found`;
    if (meta === undefined) answer(refusal ?? { code: status.NOT_FOUND, details });
    else answer(null, { message_meta: meta });
  }

  #qos0(call: Call, answer: (error: object | null, response?: object) => void): void {
    const refusal = this.#refusal(call.metadata);
    if (refusal !== undefined) {
      answer(refusal);
      return;
    }
    let count = 0;
    call.on('data', (message: unknown) => {
      const { topic } = message as WireMessage;
      if (this.#publish(message as WireMessage) !== undefined) count++;
      else answer({ code: status.NOT_FOUND, details: `Subscribers for topic ${topic} not found` });
    });
    call.on('end', () => answer(null, { count }));
  }

  #streaming(call: Call): void {
    const refusal = this.#refusal(call.metadata);
    if (refusal !== undefined) {
      call.emit('error', refusal);
      return;
    }
    this.calls.add(call);
    call.sendMetadata(new Metadata());
    const leave = (): void => {
      this.calls.delete(call);
      for (const queue of this.queues.values()) queue.gone(call);
    };
    call.on('data', (request: Request) => this.#receive(call, request));
    call.on('end', () => call.end());
    call.on('error', leave);
    call.on('cancelled', leave);
    call.on('finish', leave);
  }

  #receive(call: Call, request: Request): void {
    if (request.kind === 'ping') call.write({ pong: {} });
    else if (request.kind === 'publish_message') this.#publishRequest(call, request.publish_message);
    else if (request.kind === 'subscribe_queue') this.#subscribe(call, request.subscribe_queue);
    else if (request.kind === 'fetch_message') this.#fetch(call, request.fetch_message);
    else this.#settle(call, request);
  }

  #settle(call: Call, { kind, message_ack, message_requeue }: Request): void {
    const { meta } = kind === 'message_ack' ? message_ack : message_requeue;
    if (kind === 'message_ack') call.write({ message_ack: { meta } });
    this.queues.get(meta.queue)?.settle(meta.id, kind === 'message_ack' ? 'ack' : 'requeue');
  }

  #publishRequest(call: Call, { message, qos, request_id }: Request['publish_message']): void {
    const { topic } = message;
    if (this.silent) this.published.push(message);
    else if (this.draining) call.write({ pub_error: { info: 'shutdown', topic, request_id } });
    else if (this.#publish(message) === undefined)
      call.write({ pub_error: { info: `Subscribers for topic ${topic} not found`, topic, request_id } });
    else if (qos > 0) call.write({ pub_ack: { request_id } });
  }

  #subscribe(call: Call, { queues, prefetch_count }: Request['subscribe_queue']): void {
    const [name] = queues;
    const queue = this.queues.get(name);
    if (queue === undefined) {
      call.write({ fetch_message_error: { info: `Cannot subscribe: queue "${name}" not found`, queue: name } });
      return;
    }
    queue.consumers.push({ call, credit: prefetch_count || 1 });
    queue.deliver();
  }

  #fetch(call: Call, { queue: name, timeout, autoack }: Request['fetch_message']): void {
    const queue = this.queues.get(name);
    if (queue === undefined) {
      call.write({ fetch_message_error: { info: `Queue "${name}" not found`, queue: name } });
      return;
    }
    const timer = setTimeout(() => {
      queue.consumers = queue.consumers.filter((one) => one !== consumer);
      call.write({ fetch_message_timeout: { queue: name } });
    }, timeout * 1000);
    const consumer: Consumer = { call, credit: 1, fetch: { timer, autoack } };
    queue.consumers.push(consumer);
    queue.deliver();
  }
}
