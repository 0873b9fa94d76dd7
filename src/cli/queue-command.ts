// `ringmq queue ...`: declare, delete and steer queues through the admin port. What only looks is in queue-views.ts.
// Called by: program.ts.
import { type Command, Option } from 'commander';
import { addAdminOptions, openAdmin } from './connect-options.ts';
import { printJson, printLine } from './output.ts';
import { addQueueViews, type QueueInfo, queuePath } from './queue-views.ts';
import { durationMs, nameList, wholeNumber } from './values.ts';

interface JsonFlag {
  readonly json?: boolean;
}

interface DeclareFlags extends JsonFlag {
  readonly topics?: readonly string[];
  readonly limit?: number;
  readonly overflow?: string;
  readonly ackTimeout?: number;
  readonly maxDeliveries?: number;
  readonly deadLetterQueue?: string;
  readonly ttl?: number;
  readonly delay?: number;
  readonly dedupWindow?: number;
  readonly idleTtl?: number;
  readonly prefetch?: number;
}

export function addQueue(program: Command): void {
  const group = program.command('queue').description('list, look at, declare, delete and steer queues');
  addQueueViews(group);
  addDeclare(group);
  addDelete(group);
  addAction(group, { name: 'purge', description: 'remove every waiting message' });
  addAction(group, { name: 'pause', description: 'stop deliveries; publishes are still taken' });
  addAction(group, { name: 'resume', description: 'deliver again' });
  addRequeue(group);
}

/** A command of one queue: its name, and --json. */
function queueCommand(group: Command, options: { name: string; description: string }): Command {
  const command = group
    .command(options.name)
    .description(options.description)
    .argument('<queue>', 'name of the queue')
    .option('--json', 'print the answer as JSON');
  return addAdminOptions(command);
}

function addDeclare(group: Command): void {
  queueCommand(group, { name: 'declare', description: 'declare a queue; the same declaration again changes nothing' })
    .option('-t, --topics <topics>', 'topics bound to it, separated by commas; may be given again', nameList)
    .option('--limit <number>', 'most waiting messages', wholeNumber({ min: 1 }))
    .addOption(
      new Option('--overflow <policy>', 'what a publish meets at the limit').choices([
        'drop-oldest',
        'reject',
        'block',
      ]),
    )
    .option('--ack-timeout <duration>', 'an unacked message comes back after: 60, 60s, 500ms, 0 = never', durationMs)
    .option('--max-deliveries <number>', 'then it goes to the dead-letter queue, 0 = no bound', wholeNumber())
    .option('--dead-letter-queue <queue>', 'queue that takes dead messages')
    .option('--ttl <duration>', 'time to live of a message, 0 = none', durationMs)
    .option('--delay <duration>', 'between publish and first delivery', durationMs)
    .option('--dedup-window <duration>', 'a message id seen within it is not taken again', durationMs)
    .option('--idle-ttl <duration>', 'delete the queue after so long without use, 0 = never', durationMs)
    .option('--prefetch <number>', 'prefetch of a consumer that asks for none', wholeNumber({ min: 1, max: 65_535 }))
    .action(declare);
}

async function declare(name: string, flags: DeclareFlags): Promise<void> {
  const declaration = {
    topics: flags.topics,
    limit: flags.limit,
    overflow: flags.overflow,
    ackTimeoutMs: flags.ackTimeout,
    maxDeliveries: flags.maxDeliveries,
    deadLetterQueue: flags.deadLetterQueue,
    messageTtlMs: flags.ttl,
    delayMs: flags.delay,
    dedupWindowMs: flags.dedupWindow,
    idleTtlMs: flags.idleTtl,
    prefetchCount: flags.prefetch,
  };
  const queue = await openAdmin(flags).put<QueueInfo>(queuePath(name), declaration);
  const { topics } = queue.options;
  const bound = topics.length === 0 ? 'no topic' : `topics ${topics.join(', ')}`;
  await answer(queue, { json: flags.json, text: `Queue "${name}" is declared, bound to ${bound}` });
}

function addDelete(group: Command): void {
  queueCommand(group, { name: 'delete', description: 'delete a queue with what it holds' })
    .option('--if-empty', 'refuse when it holds messages')
    .action(async (name: string, flags: JsonFlag & { ifEmpty?: boolean }) => {
      const query = flags.ifEmpty === true ? '?ifEmpty=true' : '';
      const gone = await openAdmin(flags).delete<{ purged: number }>(`${queuePath(name)}${query}`);
      await answer(gone, { json: flags.json, text: `Queue "${name}" is deleted with ${gone.purged} messages` });
    });
}

const DONE: Readonly<Record<string, string>> = { purge: 'purged', pause: 'paused', resume: 'resumed' };

function addAction(group: Command, options: { name: string; description: string }): void {
  queueCommand(group, options).action(async (name: string, flags: JsonFlag) => {
    const done = await openAdmin(flags).post<{ purged?: number }>(`${queuePath(name)}/${options.name}`);
    const count = done.purged === undefined ? '' : ` of ${done.purged} messages`;
    await answer(done, { json: flags.json, text: `Queue "${name}" is ${DONE[options.name]}${count}` });
  });
}

function addRequeue(group: Command): void {
  queueCommand(group, { name: 'requeue', description: 'give every unacked message back; with --to: move what waits' })
    .option('--to <queue>', 'move the waiting messages to this queue')
    .action(async (name: string, flags: JsonFlag & { to?: string }) => {
      const body = flags.to === undefined ? {} : { to: flags.to };
      const done = await openAdmin(flags).post<{ moved: number }>(`${queuePath(name)}/requeue`, body);
      const where = flags.to === undefined ? `back to the head of queue "${name}"` : `to queue "${flags.to}"`;
      await answer(done, { json: flags.json, text: `${done.moved} messages went ${where}` });
    });
}

function answer(value: unknown, { json, text }: { json: boolean | undefined; text: string }): Promise<void> {
  return json === true ? printJson(value) : printLine(text);
}
