// `ringmq fetch`: takes one message off a queue, or ends with an exit code that says that there was none.
// Called by: program.ts.
import { type Command, Option } from 'commander';
import { addGrpcOptions, openClient } from './connect-options.ts';
import { CliError, EXIT } from './exit-code.ts';
import { printMessage } from './message-output.ts';
import { durationMs } from './values.ts';

interface FetchFlags {
  readonly timeout: number;
  readonly ack: boolean;
  readonly json?: boolean;
}

export function addFetch(program: Command): void {
  const command = program
    .command('fetch')
    .description('take one message off a queue and print it')
    .argument('<queue>', 'name of the queue')
    .addOption(
      new Option('--timeout <duration>', 'wait so long for one: 5, 5s, 500ms')
        .argParser(durationMs)
        .default(0, 'do not wait'),
    )
    .option('--no-ack', 'do not ack: the message goes back to the queue')
    .option('--json', 'print the message as JSON');
  addGrpcOptions(command).action(fetchOne);
}

async function fetchOne(queue: string, flags: FetchFlags): Promise<void> {
  const client = await openClient(flags);
  try {
    const message = await client.fetch(queue, { timeoutMs: flags.timeout });
    if (message === undefined)
      throw new CliError(EXIT.failed, `No message came in queue "${queue}" within ${flags.timeout} ms`);
    await printMessage(message, flags);
    if (flags.ack) message.ack();
    else message.requeue();
  } finally {
    await client.close();
  }
}
