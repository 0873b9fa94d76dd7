// A service for the tests of the gRPC door: all four kinds of call, on bytes, steered by metadata, and what a grpc-js
// client needs to call it.
import { fileURLToPath } from 'node:url';
import {
  type ChannelCredentials,
  type Client,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { BrokerError, type ErrorCode } from '../../src/base/errors.ts';
import { ANONYMOUS } from '../../src/base/principal.ts';
import { GrpcDoor, type GrpcDoorOptions } from '../../src/door/grpc-door.ts';
import { firstValue } from '../../src/wire/grpc/metadata.ts';
import type { GrpcCall, GrpcHandler, GrpcMethod } from '../../src/wire/grpc/method.ts';
import { ProtoReader } from '../../src/wire/proto-reader.ts';

export interface Text {
  readonly text: string;
  readonly count: number;
}

const TEXT_TAG = (1 << 3) | 2;
const COUNT_TAG = 2 << 3;

/** What happened to the handlers of one service. */
class EchoLog {
  opened = 0;
  closed = 0;
  messages = 0;
  drained = 0;
  readonly calls: GrpcCall[] = [];
}

/** Metadata x-do: `fail` throws x-code, `crash` a TypeError, `hang` never answers, `pause` stops reading. */
class EchoHandler implements GrpcHandler {
  readonly #call: GrpcCall;
  readonly #name: string;
  readonly #log: EchoLog;
  #left = 0;
  #message = Buffer.alloc(0);
  #received = 0;

  constructor(call: GrpcCall, name: string, log: EchoLog) {
    this.#call = call;
    this.#name = name;
    this.#log = log;
    log.opened++;
    log.calls.push(call);
    const headers = firstValue(call.metadata, 'x-headers');
    if (headers !== undefined) call.sendHeaders({ 'x-headers': headers, 'x-headers-bin': Buffer.from(headers) });
    if (this.#does('pause')) call.pause();
  }

  message(bytes: Buffer, start: number, end: number): void {
    this.#log.messages++;
    this.#received++;
    const { metadata } = this.#call;
    if (this.#does('fail')) {
      const scope = metadata['x-scope'] === 'connection' ? 'connection' : 'request';
      throw new BrokerError(firstValue(metadata, 'x-code') as ErrorCode, firstValue(metadata, 'x-text') ?? '', {
        scope,
      });
    }
    if (this.#does('crash')) throw new TypeError('secret of the implementation');
    if (this.#does('hang') || this.#name === 'Collect') return;
    this.#message = Buffer.from(bytes.subarray(start, end));
    this.#left = this.#name === 'Repeat' ? readCount(bytes, start, end) : 1;
    this.#send();
    if (this.#name === 'Unary') this.#finish();
  }

  end(): void {
    if (this.#does('hang')) return;
    if (this.#name === 'Collect') {
      this.#call.out.append(Buffer.of(COUNT_TAG, this.#received));
      this.#finish();
    } else if (this.#name === 'Chat') {
      this.#finish();
    }
  }

  closed(): void {
    this.#log.closed++;
  }

  drained(): void {
    this.#log.drained++;
    this.#send();
  }

  #send(): void {
    while (this.#left > 0 && !this.#call.congested) {
      this.#left--;
      this.#call.out.append(this.#message);
      this.#call.flushSoon();
    }
    if (this.#left === 0 && this.#name === 'Repeat') this.#finish();
  }

  #finish(): void {
    this.#call.finish(0, '', { 'x-trailer': 'last', 'x-trailer-bin': Buffer.of(0, 1, 255) });
  }

  #does(what: string): boolean {
    return this.#call.metadata['x-do'] === what;
  }
}

function echoMethods(log: EchoLog): GrpcMethod[] {
  const shapes = { Unary: [false, false], Collect: [true, false], Repeat: [false, true], Chat: [true, true] } as const;
  return Object.entries(shapes).map(([name, [requestStream, responseStream]]) => ({
    path: `/test.echo.Echo/${name}`,
    requestStream,
    responseStream,
    open: (call) => new EchoHandler(call, name, log),
  }));
}

const definition = loadPackageDefinition(
  loadSync(fileURLToPath(new URL('echo.proto', import.meta.url)), { defaults: true }),
) as unknown as {
  test: { echo: { Echo: ServiceClientConstructor } };
};

/** A running door with the echo service, its log and its clients; stop() ends them all. */
export class EchoServer {
  readonly log = new EchoLog();
  readonly unexpected: unknown[] = [];
  readonly door: GrpcDoor;
  port = 0;
  readonly #clients: Client[] = [];

  constructor(options: Partial<GrpcDoorOptions> = {}) {
    this.door = new GrpcDoor({
      methods: echoMethods(this.log),
      authorize: () => ANONYMOUS,
      onUnexpected: (error) => this.unexpected.push(error),
      ...options,
    });
  }

  async start(): Promise<this> {
    ({ port: this.port } = await this.door.listen({ host: '127.0.0.1', port: 0 }));
    return this;
  }

  /** A new connection: grpc-js shares one between clients with equal options, unless told not to. */
  client(
    options: object = {},
    channel: ChannelCredentials = credentials.createInsecure(),
  ): InstanceType<ServiceClientConstructor> {
    const all = { 'grpc.use_local_subchannel_pool': 1, ...options };
    const client = new definition.test.echo.Echo(`127.0.0.1:${this.port}`, channel, all);
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.door.close(0);
  }
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean, what: string, timeoutMs = 5000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Still not so after ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function readCount(bytes: Buffer, start: number, end: number): number {
  const reader = new ProtoReader();
  reader.reset(bytes, start, end, 'Text');
  let count = 0;
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === COUNT_TAG) count = reader.varint();
    else if (tag === TEXT_TAG) reader.at = reader.lengthEnd();
    else reader.skip(tag);
  }
  return count;
}
