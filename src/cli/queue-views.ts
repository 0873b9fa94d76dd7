// `ringmq queue list|show|peek`: looks at queues through the admin port and changes nothing.
// Called by: queue-command.ts.
import type { Command } from 'commander';
import type { MessageContent } from '../client/index.ts';
import { addAdminOptions, openAdmin } from './connect-options.ts';
import { bodyJson } from './message-output.ts';
import { note, printFacts, printJson, printTable } from './output.ts';
import { wholeNumber } from './values.ts';

/** What the admin port tells of a queue, as far as it is shown. */
export interface QueueInfo {
  readonly name: string;
  readonly shard: number;
  readonly source: string;
  readonly options: Readonly<Record<string, string | number>> & { readonly topics: readonly string[] };
  readonly ledger: Readonly<Record<string, number>>;
  readonly consumers: number;
  readonly fetches: number;
  readonly bytes: number;
  readonly paused: boolean;
}

interface PeekedMessage {
  readonly id: string;
  readonly topic: string;
  readonly format: string;
  readonly priority: number;
  readonly attempts: number;
  readonly publishMs: number;
  readonly state: string;
  /** Base64. */
  readonly body: string;
  readonly preview: string;
}

const PAGE = 1_000;
const PREVIEW_CHARACTERS = 60;

/** Path of a queue below /api/v1. */
export function queuePath(name: string): string {
  return `/queues/${encodeURIComponent(name)}`;
}

export function addQueueViews(group: Command): void {
  const list = group
    .command('list')
    .description('list queues')
    .option('--prefix <text>', 'only queues whose names begin with it')
    .option('-n, --limit <number>', 'show at most so many', wholeNumber({ min: 1 }), PAGE)
    .option('--offset <number>', 'pass over the first so many', wholeNumber(), 0)
    .option('--json', 'print the list as JSON');
  addAdminOptions(list).action(listQueues);
  const show = group
    .command('show')
    .description('show one queue: its declaration, and what became of its messages')
    .argument('<queue>', 'name of the queue')
    .option('--json', 'print the queue as JSON');
  addAdminOptions(show).action(showQueue);
  const peek = group
    .command('peek')
    .description('look at the next messages of a queue without taking them')
    .argument('<queue>', 'name of the queue')
    .option('-n, --limit <number>', 'show at most so many, up to 100', wholeNumber({ min: 1, max: 100 }), 10)
    .option('--json', 'print the messages as JSON');
  addAdminOptions(peek).action(peekQueue);
}

interface ListFlags {
  readonly prefix?: string;
  readonly limit: number;
  readonly offset: number;
  readonly json?: boolean;
}

async function listQueues(flags: ListFlags): Promise<void> {
  const admin = openAdmin(flags);
  const queues: QueueInfo[] = [];
  let total = 0;
  do {
    const limit = Math.min(PAGE, flags.limit - queues.length);
    const query = new URLSearchParams({ limit: String(limit), offset: String(flags.offset + queues.length) });
    if (flags.prefix !== undefined) query.set('prefix', flags.prefix);
    const page = await admin.get<{ total: number; queues: QueueInfo[] }>(`/queues?${query}`);
    total = page.total;
    queues.push(...page.queues);
    if (page.queues.length < limit) break;
  } while (queues.length < flags.limit);
  if (flags.json === true) return printJson({ total, queues });
  await printTable(
    ['queue', 'shard', 'ready', 'in flight', 'delayed', 'consumers', 'accepted', 'acked', 'state'],
    queues.map(({ name, shard, ledger, consumers, paused }) => [
      name,
      shard,
      ledger.ready,
      ledger.inFlight,
      ledger.delayed,
      consumers,
      ledger.accepted,
      ledger.acked,
      paused ? 'paused' : 'running',
    ]),
  );
  if (queues.length < total) note(`${queues.length} of ${total} queues are shown: see --limit and --offset`);
}

async function showQueue(name: string, flags: { readonly json?: boolean }): Promise<void> {
  const queue = await openAdmin(flags).get<QueueInfo>(queuePath(name));
  if (flags.json === true) return printJson(queue);
  const { topics, name: _, ...options } = queue.options;
  await printFacts({
    name: queue.name,
    shard: queue.shard,
    source: queue.source,
    state: queue.paused ? 'paused' : 'running',
    topics: topics.join(', '),
    ...options,
    consumers: queue.consumers,
    fetches: queue.fetches,
    bytes: queue.bytes,
    ...queue.ledger,
  });
}

async function peekQueue(name: string, flags: { readonly limit: number; readonly json?: boolean }): Promise<void> {
  const path = `${queuePath(name)}/messages?limit=${flags.limit}`;
  const { messages } = await openAdmin(flags).get<{ messages: PeekedMessage[] }>(path);
  const shown = await Promise.all(messages.map(contentOf));
  if (flags.json === true) return printJson({ messages: shown.map(({ row: _, ...message }) => message) });
  await printTable(
    ['id', 'topic', 'key', 'state', 'attempts', 'priority', 'published', 'body'],
    shown.map(({ row }) => row),
  );
}

/** A peeked message with its body taken out of the envelope in which hsmq messages are kept. */
async function contentOf(message: PeekedMessage) {
  const { body: _, format: __, preview: ___, ...facts } = message;
  const { topic, key, headers, data } = await openEnvelope(message);
  const content = bodyJson(data);
  const preview = 'text' in content ? content.text : content.base64;
  const published = new Date(facts.publishMs).toISOString();
  return {
    ...facts,
    topic,
    key,
    headers,
    ...content,
    row: [
      facts.id,
      topic,
      key,
      facts.state,
      facts.attempts,
      facts.priority,
      published,
      preview.length > PREVIEW_CHARACTERS ? `${preview.slice(0, PREVIEW_CHARACTERS)}…` : preview,
    ],
  };
}

async function openEnvelope({ topic, format, body }: PeekedMessage): Promise<Omit<MessageContent, 'typeUrl'>> {
  const bytes = Buffer.from(body, 'base64');
  if (format !== 'hsmq') return { topic, key: '', headers: {}, data: bytes };
  const { decodeContent } = await import('../client/index.ts');
  return decodeContent(bytes);
}
