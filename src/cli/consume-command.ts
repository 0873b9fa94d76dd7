// `ringmq consume`: prints the messages of a queue as they come. A message is acked when it is printed, so that what
// the reader of a pipe did not get stays in the queue.
// Called by: program.ts.
import type { Command } from 'commander';
import { addGrpcOptions, openClient } from './connect-options.ts';
import { interruptSignal } from './interrupt.ts';
import { printMessage } from './message-output.ts';
import { note } from './output.ts';
import { durationMs, wholeNumber } from './values.ts';

const PREFETCH_DEFAULT = 256;
const PREFETCH_MAX = 65_535;

interface ConsumeFlags {
  readonly prefetch: number;
  readonly ack: boolean;
  readonly limit?: number;
  readonly timeout?: number;
  readonly json?: boolean;
}

export function addConsume(program: Command): void {
  const command = program
    .command('consume')
    .description('print the messages of a queue as they come, until Ctrl-C')
    .argument('<queue>', 'name of the queue')
    .option(
      '-p, --prefetch <number>',
      'unacked messages on their way',
      wholeNumber({ min: 1, max: PREFETCH_MAX }),
      PREFETCH_DEFAULT,
    )
    .option('--no-ack', 'do not ack: the messages go back to the queue at the end')
    .option('-n, --limit <number>', 'end after so many messages', wholeNumber({ min: 1 }))
    .option('--timeout <duration>', 'end when none came for so long: 5, 5s, 500ms', durationMs)
    .option('--json', 'print each message as a line of JSON');
  addGrpcOptions(command).action(consume);
}

async function consume(queue: string, flags: ConsumeFlags): Promise<void> {
  const stop = interruptSignal();
  const client = await openClient(flags);
  const idle = new IdleTimeout(flags.timeout);
  try {
    const prefetch = Math.min(flags.prefetch, flags.limit ?? flags.prefetch);
    let received = 0;
    for await (const message of client.consume(queue, { prefetch, signal: AbortSignal.any([stop, idle.signal]) })) {
      idle.restart();
      await printMessage(message, flags);
      if (flags.ack) message.ack();
      received++;
      if (received === flags.limit) break;
    }
    if (process.stderr.isTTY === true) note(`${received} messages`);
  } finally {
    idle.stop();
    await client.close();
  }
}

/** A signal that aborts when nothing came for so long. */
class IdleTimeout {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number | undefined) {
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#controller.abort(), timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(): void {
    this.#timer?.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
