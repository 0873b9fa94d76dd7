// `ringmq publish`: one message from the command line, many of the same, or one a line of stdin.
// Called by: program.ts.

import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { MessageData, PublishOptions, RingClient } from '../client/index.ts';
import { addGrpcOptions, openClient } from './connect-options.ts';
import { CliError, EXIT } from './exit-code.ts';
import { interruptSignal } from './interrupt.ts';
import { note, printJson, printLine } from './output.ts';
import { durationMs, headerPair, wholeNumber } from './values.ts';

/** Publishes handed to the client and not confirmed: more than its window, so that it never idles. */
const UNCONFIRMED_MAX = 4_096;

interface PublishFlags {
  readonly count: number;
  readonly rate?: number;
  readonly stdin?: boolean;
  readonly key?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly qos: '0' | '1';
  readonly size?: number;
  readonly ttl?: number;
  readonly delay?: number;
  readonly priority?: number;
  readonly messageId?: string;
  readonly json?: boolean;
}

export function addPublish(program: Command): void {
  const command = program
    .command('publish')
    .description('publish to every queue that is bound to a topic')
    .argument('<topic>', 'topic, as queues bind it')
    .argument('[data]', 'body of the message, as UTF-8 text')
    .option('-n, --count <number>', 'publish it so many times', wholeNumber({ min: 1 }), 1)
    .option('-r, --rate <per-second>', 'publish no faster than this', wholeNumber({ min: 1 }))
    .option('--stdin', 'publish each line of stdin, in place of DATA')
    .option('-s, --size <bytes>', 'publish a body of this size, in place of DATA', wholeNumber())
    .option('-k, --key <key>', 'key of the message')
    .option('-H, --header <name=value>', 'header of the message; may be given again', headerPair)
    .addOption(new Option('-q, --qos <level>', '1: confirmed, 0: as fast as it goes').choices(['0', '1']).default('1'))
    .option('--ttl <duration>', 'drop it when nobody took it by then: 30, 30s, 500ms, 5m', durationMs)
    .option('--delay <duration>', 'deliver it not before: 30, 30s, 500ms, 5m', durationMs)
    .option('--priority <level>', '0 (lowest) to 9', wholeNumber({ max: 9 }))
    .option('--message-id <id>', 'a queue with a deduplication window takes it once')
    .option('--json', 'print the result as JSON');
  addGrpcOptions(command).action(publish);
}

async function publish(topic: string, data: string | undefined, flags: PublishFlags): Promise<void> {
  checkSource(data, flags);
  const interrupt = interruptSignal();
  const client = await openClient(flags);
  try {
    if (flags.count === 1 && flags.stdin !== true && flags.qos === '1') {
      await publishOne(client, { topic, body: bodyOf(data, flags.size), flags });
      return;
    }
    const sender = flags.qos === '0' ? new UnconfirmedSender(client, topic) : new ConfirmedSender(client, topic);
    const startMs = performance.now();
    await sendAll(sender, { bodies: bodies(data, flags), flags, interrupt });
    const published = await sender.end();
    await report({ published, seconds: (performance.now() - startMs) / 1000 }, flags);
    if (interrupt.aborted) throw new CliError(EXIT.failed, `Interrupted after ${published} messages`);
  } finally {
    await client.close();
  }
}

/** Exactly one of DATA, --stdin and --size. */
function checkSource(data: string | undefined, { stdin, size }: PublishFlags): void {
  const given = [data !== undefined, stdin === true, size !== undefined].filter(Boolean).length;
  if (given === 1) return;
  const found = given === 0 ? 'none' : 'more than one';
  throw new CliError(EXIT.usage, `Cannot publish: expected one of DATA, --stdin and --size, received ${found}`);
}

/** The unary rpc alone answers with the id that the message got. */
async function publishOne(
  client: RingClient,
  { topic, body, flags }: { topic: string; body: MessageData; flags: PublishFlags },
): Promise<void> {
  const { id, queue, shard } = await client.publishForId(topic, body, publishOptions(flags));
  if (flags.json === true) await printJson({ published: 1, id, queue, shard });
  else await printLine(`Published ${id} to queue ${queue}`);
}

async function* bodies(data: string | undefined, flags: PublishFlags): AsyncGenerator<MessageData> {
  if (flags.stdin === true) {
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY }))
      for (let sent = 0; sent < flags.count; sent++) yield line;
    return;
  }
  const body = bodyOf(data, flags.size);
  for (let sent = 0; sent < flags.count; sent++) yield body;
}

function bodyOf(data: string | undefined, size: number | undefined): MessageData {
  return data ?? Buffer.alloc(size ?? 0, 'x');
}

async function sendAll(
  sender: ConfirmedSender | UnconfirmedSender,
  options: { bodies: AsyncIterable<MessageData>; flags: PublishFlags; interrupt: AbortSignal },
): Promise<void> {
  const { bodies, flags, interrupt } = options;
  const given = publishOptions(flags);
  const startMs = performance.now();
  let sent = 0;
  for await (const body of bodies) {
    if (interrupt.aborted) return;
    if (flags.rate !== undefined) {
      const aheadMs = startMs + (sent / flags.rate) * 1000 - performance.now();
      if (aheadMs > 1) await delay(aheadMs, undefined, { signal: interrupt }).catch(() => {});
    }
    await sender.send(body, given);
    sent++;
  }
}

/** Confirmed publishes: many on their way, the first refusal ends it all. */
class ConfirmedSender {
  readonly #client: RingClient;
  readonly #topic: string;
  #pending = 0;
  #published = 0;
  #failure: unknown;
  /** Resolves a wait for a confirm. */
  #wake: () => void = () => {};

  constructor(client: RingClient, topic: string) {
    this.#client = client;
    this.#topic = topic;
  }

  async send(body: MessageData, options: PublishOptions): Promise<void> {
    if (this.#failure !== undefined) throw this.#failed();
    this.#pending++;
    this.#client.publish(this.#topic, body, options).then(
      () => {
        this.#published++;
        this.#settled();
      },
      (error: unknown) => {
        this.#failure ??= error;
        this.#settled();
      },
    );
    if (this.#pending >= UNCONFIRMED_MAX) await this.#confirm();
  }

  async end(): Promise<number> {
    while (this.#pending > 0) await this.#confirm();
    if (this.#failure !== undefined) throw this.#failed();
    return this.#published;
  }

  #confirm(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #settled(): void {
    this.#pending--;
    this.#wake();
  }

  #failed(): unknown {
    if (this.#published > 0) note(`${this.#published} messages were confirmed before the failure`);
    return this.#failure;
  }
}

/** Publishes without confirms; the node tells at the end how many it took. */
class UnconfirmedSender {
  readonly #topic: string;
  readonly #stream: ReturnType<RingClient['publishStream']>;

  constructor(client: RingClient, topic: string) {
    this.#topic = topic;
    this.#stream = client.publishStream();
  }

  send(body: MessageData, options: PublishOptions): Promise<void> {
    return this.#stream.write(this.#topic, body, options);
  }

  end(): Promise<number> {
    return this.#stream.end();
  }
}

async function report(result: { published: number; seconds: number }, { json }: PublishFlags): Promise<void> {
  const perSecond = Math.round(result.published / Math.max(result.seconds, 1e-3));
  if (json === true) await printJson({ ...result, perSecond });
  else
    await printLine(
      `Published ${result.published.toLocaleString('en-US')} messages in ${result.seconds.toFixed(2)} s, ` +
        `${perSecond.toLocaleString('en-US')} a second`,
    );
}

function publishOptions({ key, header, ttl, delay: delayMs, priority, messageId }: PublishFlags): PublishOptions {
  return {
    ...(key === undefined ? {} : { key }),
    ...(header === undefined ? {} : { headers: header }),
    ...(ttl === undefined ? {} : { ttlMs: ttl }),
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(priority === undefined ? {} : { priority }),
    ...(messageId === undefined ? {} : { messageId }),
  };
}
