// A node as its users run it: a process of its own, on free ports of the loopback, with a config file.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export interface NodeProcessOptions {
  /** TOML behind the [node] section with the addresses. */
  readonly toml?: string;
  readonly shards?: number;
  readonly env?: Record<string, string>;
  readonly args?: readonly string[];
  /** Another program than src/main.ts that takes its arguments. */
  readonly main?: string;
}

/** A running node. */
export class NodeProcess {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  grpcPort = 0;
  adminPort = 0;
  output = '';

  private constructor(options: NodeProcessOptions) {
    this.folder = mkdtempSync(join(tmpdir(), 'ringmq-e2e-'));
    const addresses = 'grpc_address = "127.0.0.1:0"\nadmin_address = "127.0.0.1:0"';
    const toml = `[node]\n${addresses}\nshards = ${options.shards ?? 1}\n${options.toml ?? ''}`;
    writeFileSync(join(this.folder, 'node.toml'), toml);
    const args = [
      options.main ?? MAIN,
      'serve',
      '-c',
      join(this.folder, 'node.toml'),
      '--ports-file',
      join(this.folder, 'ports.json'),
      ...(options.args ?? []),
    ];
    this.child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.exited = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  /** Starts a node and waits until it is ready; throws with its output when it ends before that. */
  static async start(options: NodeProcessOptions = {}): Promise<NodeProcess> {
    const node = new NodeProcess(options);
    await until(() => {
      if (node.child.exitCode !== null) throw new Error(`The node ended with ${node.child.exitCode}:\n${node.output}`);
      return node.#readPorts();
    });
    return node;
  }

  #readPorts(): boolean {
    try {
      const ports = JSON.parse(readFileSync(join(this.folder, 'ports.json'), 'utf8')) as {
        grpc: number;
        admin: number;
      };
      this.grpcPort = ports.grpc;
      this.adminPort = ports.admin;
      return true;
    } catch {
      return false;
    }
  }

  get address(): string {
    return `127.0.0.1:${this.grpcPort}`;
  }

  /** GET on the admin port, as JSON. */
  async admin<T = unknown>(path: string, init?: RequestInit): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}${path}`, init);
    if (!response.ok) throw new Error(`${init?.method ?? 'GET'} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Ends the node, in order if it can, and removes its folder. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<{ code: number | null; signal: string | null }> {
    this.child.kill(signal);
    const force = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    const ended = await this.exited;
    clearTimeout(force);
    rmSync(this.folder, { recursive: true, force: true });
    return ended;
  }
}
