// The command line as a whole: which commands there are, and how any of them ends. A command throws; only here errors
// become one line on stderr and an exit code.
// Called by: main.ts.
import { Command, CommanderError } from 'commander';
import { addBench } from './bench-command.ts';
import { addCluster } from './cluster-command.ts';
import { addConfig } from './config-group.ts';
import { addConsume } from './consume-command.ts';
import { EXIT, EXIT_CODES_HELP, exitCodeOf } from './exit-code.ts';
import { addFetch } from './fetch-command.ts';
import { addLedger } from './ledger-command.ts';
import { note, shown, survivePipes } from './output.ts';
import { addPublish } from './publish-command.ts';
import { addQueue } from './queue-command.ts';
import { addServe, type StartNode } from './serve-command.ts';
import { packageVersion } from './version.ts';

/** What the assembly gives the command line. */
export interface ProgramParts {
  readonly startNode: StartNode;
}

/** Runs one command; resolves with the exit code of the process. Never rejects. */
export async function runProgram(args: readonly string[], parts: ProgramParts): Promise<number> {
  survivePipes();
  try {
    const program = makeProgram(parts);
    await program.parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    note(`ringmq: ${errorText(error)}`);
    return exitCodeOf(error);
  }
}

function makeProgram(parts: ProgramParts): Command {
  const program = new Command('ringmq')
    .description('A message queue broker: queues as actors on worker threads, for gRPC clients.')
    .version(packageVersion(), '-V, --version')
    .showSuggestionAfterError()
    .exitOverride();
  addServe(program, parts.startNode);
  addPublish(program);
  addConsume(program);
  addFetch(program);
  addQueue(program);
  addLedger(program);
  addCluster(program);
  addBench(program);
  addConfig(program);
  // Settings are inherited by commands that exist already only when asked for.
  for (const command of everyCommand(program)) {
    command.copyInheritedSettings(program).addHelpText('after', EXIT_CODES_HELP);
    command.configureHelp({ showGlobalOptions: false });
  }
  return program;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

/** One line, whatever was thrown: a stack is for bugs, and RINGMQ_DEBUG=1 shows it. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return shown(String(error));
  if (process.env.RINGMQ_DEBUG === '1') return error.stack ?? error.message;
  return error.message.split('\n').map(shown).join('\n');
}
