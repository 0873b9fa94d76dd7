// The comparison server: hsmq's Streaming on @grpc/grpc-js, as one would write it with the official library. Publish is
// answered with PubAck, queues deliver to their subscribers up to the prefetch, acks give credit back. Everything is in
// memory and nothing is checked, so that it is the library that is measured.
//
//   node bench/grpcjs-server.ts --port 0 --queues b/0,b/1     prints "listening PORT"
import { parseArgs } from 'node:util';
import { Server, ServerCredentials, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

interface Message {
  readonly topic: string;
}

interface Request {
  readonly subscribe_queue?: { readonly queues: readonly string[]; readonly prefetch_count: number };
  readonly message_ack?: { readonly meta: { readonly queue: string } };
  readonly publish_message?: { readonly message: Message; readonly request_id: string };
  readonly ping?: object;
}

type Call = ServerDuplexStream<Request, object>;

interface Consumer {
  readonly call: Call;
  credit: number;
}

/** First in, first out, without shifting an array. */
class Queue {
  readonly name: string;
  readonly consumers: Consumer[] = [];
  readonly #messages = new Map<number, Message>();
  #first = 0;
  #next = 0;
  #turn = 0;

  constructor(name: string) {
    this.name = name;
  }

  publish(message: Message): void {
    this.#messages.set(this.#next++, message);
    this.deliver();
  }

  deliver(): void {
    while (this.#first < this.#next) {
      const consumer = this.#free();
      if (consumer === undefined) return;
      const id = this.#first++;
      const message = this.#messages.get(id);
      this.#messages.delete(id);
      consumer.credit--;
      consumer.call.write({ message: { message, meta: { id: String(id), queue: this.name, shard: '0' } } });
    }
  }

  #free(): Consumer | undefined {
    for (let tried = 0; tried < this.consumers.length; tried++) {
      const consumer = this.consumers[this.#turn++ % this.consumers.length];
      if (consumer.credit > 0) return consumer;
    }
    return undefined;
  }
}

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, queues: { type: 'string', default: 'b/0,b/1,b/2,b/3' } },
});
const queues = new Map(values.queues.split(',').map((name) => [name, new Queue(name)]));

function streaming(call: Call): void {
  const mine = new Map<string, { queue: Queue; consumer: Consumer }>();
  const leave = () => {
    for (const { queue, consumer } of mine.values()) queue.consumers.splice(queue.consumers.indexOf(consumer), 1);
    mine.clear();
  };
  call.on('data', (request: Request) => {
    if (request.publish_message) publish(call, request.publish_message);
    else if (request.message_ack) acknowledge(mine.get(request.message_ack.meta.queue));
    else if (request.subscribe_queue) subscribe(call, mine, request.subscribe_queue);
    else if (request.ping) call.write({ pong: {} });
  });
  call.on('end', () => {
    leave();
    call.end();
  });
  call.on('cancelled', leave);
  call.on('error', leave);
}

function publish(call: Call, request: { message: Message; request_id: string }): void {
  const queue = queues.get(request.message.topic);
  if (queue === undefined) {
    call.write({ pub_error: { info: 'no queue', topic: request.message.topic, request_id: request.request_id } });
    return;
  }
  call.write({ pub_ack: { request_id: request.request_id } });
  queue.publish(request.message);
}

function acknowledge(subscription: { queue: Queue; consumer: Consumer } | undefined): void {
  if (subscription === undefined) return;
  subscription.consumer.credit++;
  subscription.queue.deliver();
}

function subscribe(
  call: Call,
  mine: Map<string, { queue: Queue; consumer: Consumer }>,
  request: { queues: readonly string[]; prefetch_count: number },
): void {
  for (const name of request.queues) {
    const queue = queues.get(name);
    if (queue === undefined || mine.has(name)) continue;
    const consumer = { call, credit: request.prefetch_count };
    mine.set(name, { queue, consumer });
    queue.consumers.push(consumer);
    queue.deliver();
  }
}

const proto = new URL('../config/proto/hsmq.proto', import.meta.url).pathname;
const definition = loadSync(proto, { keepCase: true, longs: Number });
const server = new Server();
server.addService(definition['hsmq.v1.hsmq.HSMQ'] as ServiceDefinition, { Streaming: streaming });
server.bindAsync(`127.0.0.1:${values.port}`, ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening ${port}`);
});
