// Where a command finds the node, and how it gets in: the options that all commands share, and what they open.
// Called by: program.ts and the commands.
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { RingClient, TlsOptions } from '../client/index.ts';
import { AdminClient } from './admin-client.ts';
import { CliError, EXIT } from './exit-code.ts';
import { durationMs } from './values.ts';

/** Shorter than the library's: a person waits. */
const CONNECT_TIMEOUT_MS = 3_000;

interface TlsFlags {
  readonly tls?: boolean;
  readonly ca?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

interface GrpcOptions extends TlsFlags {
  readonly address: string;
  readonly connectTimeout: number;
  readonly token?: string;
}

interface AdminOptions {
  readonly admin: string;
  readonly token?: string;
}

const token = (): Option =>
  new Option('--token <token>', 'token or JWT of a node that asks who calls').env('RINGMQ_TOKEN');

/** Options of commands that speak gRPC. */
export function addGrpcOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-a, --address <host:port>', 'gRPC address of the node')
        .env('RINGMQ_ADDRESS')
        .default('127.0.0.1:4848'),
    )
    .addOption(token())
    .addOption(
      new Option('--connect-timeout <duration>', 'give up when no node answers for so long')
        .argParser(durationMs)
        .default(CONNECT_TIMEOUT_MS, '3s'),
    )
    .option('--tls', 'connect by TLS')
    .option('--ca <file>', 'PEM file of the authorities to trust, implies --tls')
    .option('--tls-cert <file>', 'PEM file with the certificate of this client, implies --tls')
    .option('--tls-key <file>', 'PEM file with the key of this client');
}

/** Options of commands that speak to the admin port. One that speaks gRPC too has the token already. */
export function addAdminOptions(command: Command, { withToken = true } = {}): Command {
  command.addOption(
    new Option('--admin <url>', 'admin address of the node').env('RINGMQ_ADMIN').default('http://127.0.0.1:8080'),
  );
  return withToken ? command.addOption(token()) : command;
}

/** Connects; throws `unavailable` when there is no node, `unauthenticated` when it does not let us in. */
export async function openClient(options: object): Promise<RingClient> {
  const { address, token: secret, connectTimeout, ...files } = options as GrpcOptions;
  const tls = await tlsOptions(files);
  const { RingClient } = await import('../client/index.ts');
  return RingClient.connect({
    address,
    connectTimeoutMs: connectTimeout,
    ...(secret === undefined || secret === '' ? {} : { token: secret }),
    ...(tls === undefined ? {} : { tls }),
  });
}

export function openAdmin(options: object): AdminClient {
  const { admin, token: secret } = options as AdminOptions;
  return new AdminClient(admin, secret);
}

async function tlsOptions(options: TlsFlags): Promise<TlsOptions | undefined> {
  const { tls = false, ca, tlsCert, tlsKey } = options;
  if (!tls && ca === undefined && tlsCert === undefined && tlsKey === undefined) return undefined;
  const [caPem, certPem, keyPem] = await Promise.all([ca, tlsCert, tlsKey].map(readPem));
  return {
    ...(caPem === undefined ? {} : { ca: caPem }),
    ...(certPem === undefined ? {} : { cert: certPem }),
    ...(keyPem === undefined ? {} : { key: keyPem }),
  };
}

async function readPem(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError(EXIT.usage, `Cannot read ${file}: ${(error as Error).message}`);
  }
}
