// Starts what is measured: our node, the grpc-js server that it is compared with, and the load on them. Each is a
// process of its own on a free port of the loopback; each is stopped by whoever started it, also when a measurement
// fails.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LoadOptions, LoadResult } from './load.ts';

export interface Peer {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** Port of the admin REST; our node alone has one. */
  readonly adminPort: number;
  stop(): Promise<void>;
}

export interface NodeOptions {
  readonly queues: number;
  readonly shards: number;
  /** Messages that one queue may hold: high where a queue has to grow. */
  readonly queueLimit?: number | undefined;
}

const START_PATIENCE_MS = 60_000;
const STOP_PATIENCE_MS = 15_000;

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The config of a node with queues b/0, b/1, ... on free ports. */
export function nodeConfig(options: NodeOptions): string {
  const limit = options.queueLimit ?? 1_000_000;
  const head = [
    '[node]',
    'grpc_address = "127.0.0.1:0"',
    'admin_address = "127.0.0.1:0"',
    `shards = ${options.shards}`,
    '',
  ];
  const queues = Array.from({ length: options.queues }, (_, index) =>
    ['[[queues]]', `name = "b/${index}"`, `topics = ["b/${index}"]`, `limit = ${limit}`, 'ack_timeout = 60', ''].join(
      '\n',
    ),
  );
  return [...head, ...queues].join('\n');
}

export async function startNode(options: NodeOptions): Promise<Peer> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'ringmq-bench-'));
  const config = path.join(folder, 'node.toml');
  const portsFile = path.join(folder, 'ports.json');
  await writeFile(config, nodeConfig(options));
  const child = startProcess([pathOf('../src/main.ts'), 'serve', '-c', config, '--ports-file', portsFile]);
  // Its log is not wanted, but must not fill the pipe.
  child.stdout?.resume();
  const stop = async (): Promise<void> => {
    await stopProcess(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until(() => existsSync(portsFile), child);
    const ports = JSON.parse(await readFile(portsFile, 'utf8')) as { grpc: number; admin: number };
    return { name: 'ringmq', pid: child.pid as number, port: ports.grpc, adminPort: ports.admin, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export async function startGrpcJs(options: { queues: number }): Promise<Peer> {
  const queues = Array.from({ length: options.queues }, (_, index) => `b/${index}`).join(',');
  const child = startProcess([pathOf('./grpcjs-server.ts'), '--port', '0', '--queues', queues]);
  let port = 0;
  for await (const line of linesOf(child)) {
    port = Number(/^listening (\d+)$/.exec(line)?.[1] ?? 0);
    if (port > 0) break;
  }
  if (port === 0) throw new Error(`Cannot start grpcjs-server.ts: it ended\n${errorOf(child)}`);
  return { name: 'grpc-js', pid: child.pid as number, port, adminPort: 0, stop: () => stopProcess(child) };
}

/** Runs the load against a peer in a process of its own. */
export async function runLoad(
  peer: Peer,
  options: Partial<LoadOptions>,
  onProgress: (state: { published: number; received: number }) => void = () => {},
): Promise<LoadResult> {
  const flags = Object.entries({ ...options, port: peer.port, pid: peer.pid }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ]);
  const child = startProcess([pathOf('./load.ts'), ...flags]);
  let result: LoadResult | undefined;
  for await (const line of linesOf(child)) {
    const said = JSON.parse(line) as { kind: string; result: LoadResult; published: number; received: number };
    if (said.kind === 'result') result = said.result;
    else onProgress(said);
  }
  await ended(child);
  if (result === undefined)
    throw new Error(`Cannot measure ${peer.name}: the load ended with ${child.exitCode}\n${errorOf(child)}`);
  return result;
}

/** What the admin port answers to GET `path`, as JSON. */
export async function adminGet<T>(peer: Peer, resource: string): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${peer.adminPort}${resource}`);
  if (!answer.ok) throw new Error(`Cannot read ${resource} of ${peer.name}: received status ${answer.status}`);
  return (await answer.json()) as T;
}

/** Last lines that a child printed as errors, for the message when it fails. */
const errorTexts = new WeakMap<ChildProcess, string[]>();
const ERROR_CHUNKS_MAX = 20;

function startProcess(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts: string[] = [];
  errorTexts.set(child, texts);
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    texts.push(text);
    if (texts.length > ERROR_CHUNKS_MAX) texts.shift();
  });
  return child;
}

const errorOf = (child: ChildProcess): string => (errorTexts.get(child) ?? []).join('').slice(-2000);

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

function ended(child: ChildProcess): Promise<void> {
  return isRunning(child) ? new Promise((resolve) => child.once('exit', () => resolve())) : Promise.resolve();
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  child.kill('SIGTERM');
  const patience = AbortSignal.timeout(STOP_PATIENCE_MS);
  patience.addEventListener('abort', () => child.kill('SIGKILL'));
  await ended(child);
}

async function until(isReady: () => boolean | Promise<boolean>, child: ChildProcess): Promise<void> {
  const deadlineMs = performance.now() + START_PATIENCE_MS;
  while (!(await isReady())) {
    if (!isRunning(child)) throw new Error(`Cannot start ${child.spawnargs[1]}: it ended\n${errorOf(child)}`);
    if (performance.now() > deadlineMs)
      throw new Error(`Cannot start ${child.spawnargs[1]}: not ready in ${START_PATIENCE_MS} ms`);
    await delay(20);
  }
}

const linesOf = (child: ChildProcess): AsyncIterable<string> =>
  createInterface({ input: child.stdout as NodeJS.ReadableStream });
