// `ringmq serve`: a node from its start to its orderly end. The first signal drains it, a second one hurries; a thread
// that died ends it at once, as a node that is not whole must not take messages. Events go to the log on stdout, what
// a person has to know to stderr.
// Lives on: main. Called by: program.ts; main.ts gives it the assembly of a node.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { formatAddress } from '../../config/address.ts';
import { flagOptions } from '../../config/flags.ts';
import type { Config } from '../../config/types.ts';
import type { Log } from '../base/log.ts';
import { logLevelOf } from '../base/log-level.ts';
import { CliError, EXIT } from './exit-code.ts';
import { note } from './output.ts';
import { packageVersion } from './version.ts';

/** What a node that was stopped leaves behind. */
interface StopReport {
  readonly balanced: boolean;
  readonly left: readonly { readonly queue: string; readonly messages: number }[];
}

/** What of a running node the command needs. */
interface ServingNode {
  readonly grpcPort: number;
  readonly adminPort: number;
  readonly failed: Promise<Error>;
  stop(): Promise<StopReport>;
  abandon(): Promise<void>;
}

export type StartNode = (config: Config, options: { version: string; log: Log }) => Promise<ServingNode>;

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'the system does not allow this port',
  EADDRNOTAVAIL: 'this machine does not have that address',
};

interface ServeFlags {
  readonly config?: string;
  readonly portsFile?: string;
}

export function addServe(program: Command, startNode: StartNode): void {
  const command = program
    .command('serve')
    .description('run a node until SIGTERM or Ctrl-C; a second signal hurries it')
    .option('-c, --config <file>', 'TOML file with its options, queues and users; also one of hsmq')
    .option('--ports-file <file>', 'when the node is ready, write the ports it listens on to this file, as JSON');
  for (const { flags, help } of flagOptions()) command.addOption(new Option(flags, help));
  command.action(async (flags: ServeFlags) => {
    const { node, config } = await start(flags, startNode);
    const { portsFile } = flags;
    try {
      if (portsFile !== undefined) writePorts(portsFile, node);
      note(greeting(config, node));
      await untilStopped(node);
    } finally {
      if (portsFile !== undefined) rmSync(portsFile, { force: true });
    }
  });
}

async function start(flags: ServeFlags, startNode: StartNode): Promise<{ node: ServingNode; config: Config }> {
  const [{ loadConfig }, { createLog }] = await Promise.all([import('../../config/load.ts'), import('../base/log.ts')]);
  const { config, warnings } = checked(() =>
    loadConfig({
      tomlPath: flags.config,
      flags: { ...flags },
      env: process.env,
      readFile: (path) => readFileSync(path, 'utf8'),
    }),
  );
  const { options } = config;
  const level = logLevelOf(options['tracing.level']) ?? 'info';
  const log = createLog({ level, pretty: options['tracing.with_ansi'], name: options['node.name'] });
  for (const text of warnings) log.warn('config.warning', { text });
  try {
    return { node: await startNode(config, { version: packageVersion(), log }), config };
  } catch (error) {
    // Its code speaks of a request, not of a node: whatever it is, the node has failed.
    throw new CliError(EXIT.failed, startFailure((error as Error).message), { cause: error });
  }
}

function checked<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (error instanceof Error && error.name === 'ConfigError')
      throw new CliError(EXIT.usage, error.message, { cause: error });
    throw error;
  }
}

/** A thread tells in the words of the system why it cannot listen. */
function startFailure(message: string): string {
  const match = /listen (EADDRINUSE|EACCES|EADDRNOTAVAIL): .* (\S+)$/.exec(message);
  if (match === null) return message;
  const [, code, address] = match;
  return `Cannot listen on ${address}: ${LISTEN_FAILURES[code]}`;
}

function greeting({ options, auth }: Config, { grpcPort, adminPort }: ServingNode): string {
  const grpc = formatAddress({ ...options['node.grpc_address'], port: grpcPort });
  const admin = formatAddress({ ...options['node.admin_address'], port: adminPort });
  const open = !auth.required && !options['auth.anonymous'];
  return (
    `RingMQ ${packageVersion()} serves gRPC on ${grpc} and admin on http://${admin}` +
    (open ? ', on loopback only, as nobody is asked for a token' : '')
  );
}

/** Ends when the node was stopped by a signal; throws when it failed. */
async function untilStopped(node: ServingNode): Promise<void> {
  const stopped = new Promise<StopReport>((resolve, reject) => {
    const stop = (): void => void node.stop().then(resolve, reject);
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
  const failed = node.failed.then(async (error) => {
    await node.abandon();
    throw new CliError(EXIT.failed, `The node ended, as one of its threads died: ${error.message}`);
  });
  const { left, balanced } = await Promise.race([stopped, failed]);
  for (const { queue, messages } of left) note(`Queue "${queue}" ended with ${messages} messages in it`);
  if (!balanced) throw new CliError(EXIT.failed, 'The ledger did not balance at the end');
}

/** Appears in one step, so that who waits for it never reads half of it. */
function writePorts(file: string, { grpcPort, adminPort }: ServingNode): void {
  writeFileSync(`${file}.new`, `${JSON.stringify({ grpc: grpcPort, admin: adminPort })}\n`);
  renameSync(`${file}.new`, file);
}
