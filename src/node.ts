// Assembles a node on the main thread: starts the threads, gives every queue its shard, opens the ports, and stops it
// all in the same stated order backwards. No message passes through here.
//
//   start: writer -> shards -> queues -> gRPC ports -> admin -> ready
//   stop:  not ready -> drain (publishes refused, consumers served) -> shards stop -> writer -> admin
import { setTimeout as delay } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { AdminServer } from './admin/admin-server.ts';
import type { Log } from './base/log.ts';
import { type CatalogClient, NoCatalog, WriterCatalog } from './broker/catalog-client.ts';
import { ClusterClient, type ClusterEvent } from './broker/cluster-port.ts';
import { ControlClient, type ControlEvent } from './broker/control.ts';
import { NodeControl } from './broker/node-control.ts';
import type { LedgerReport } from './broker/node-view.ts';
import { ShardPlacement } from './broker/placement.ts';
import { QueueCatalog } from './broker/queue-catalog.ts';
import type { ClusterSettings, NodeSettings } from './node-settings.ts';
import type { ShardData } from './shard.ts';
import { createMesh, type Mesh } from './thread/mailbox.ts';
import { startThreads, type Threads, type ThreadTask } from './thread/pool.ts';
import type { WriterData } from './writer.ts';

/** How often a draining node looks whether its queues are empty, ms. */
const DRAIN_POLL_MS = 50;

/** Time for connections to close once their streams were told that the node stops, ms. */
const CLOSE_GRACE_MS = 1000;

/** Time the other threads get when one has died, ms: to commit and to tell their clients. */
const FAILURE_GRACE_MS = 5000;

export interface NodeOptions {
  readonly log: Log;
  /** The threads' worker file; tests give one whose threads misbehave. */
  readonly threadsFile?: URL;
}

/** What a stopped node leaves behind: the messages that nobody took in time, by queue. */
export interface StopReport {
  readonly balanced: boolean;
  readonly left: readonly { readonly queue: string; readonly messages: number }[];
}

export class RunningNode {
  readonly grpcPort: number;
  readonly adminPort: number;
  /** Where other nodes connect; 0 = a node alone. */
  readonly clusterPort: number;
  /** Settles when a thread died: the node is no longer whole and must be stopped. */
  readonly failed: Promise<Error>;
  readonly #parts: NodeParts;
  #forced = new AbortController();
  #stopping: Promise<StopReport> | undefined;

  constructor(parts: NodeParts, ports: { grpc: number; admin: number; cluster: number }) {
    this.#parts = parts;
    this.failed = parts.failed;
    this.grpcPort = ports.grpc;
    this.adminPort = ports.admin;
    this.clusterPort = ports.cluster;
  }

  /** Stops in order; a second call hurries the first: consumers are not waited for any more. */
  stop(): Promise<StopReport> {
    if (this.#stopping === undefined) this.#stopping = this.#stop();
    else this.#forced.abort();
    return this.#stopping;
  }

  async #stop(): Promise<StopReport> {
    const { control, shards, settings, log, cluster } = this.#parts;
    control.enter('draining');
    log.event('node.draining', { timeoutMs: settings.shutdownTimeoutMs });
    const gone = await cluster?.call('leave', { timeoutMs: settings.shutdownTimeoutMs });
    if (gone !== undefined) log.event('cluster.left', gone);
    await Promise.all(shards.map((shard) => shard.call('drain', null)));
    await this.#served();
    const report = stopReport(await control.ledger());
    for (const left of report.left) log.warn('queue.left', left);
    this.#parts.threads?.expectEnd();
    await Promise.all(shards.map((shard) => shard.call('stop', { graceMs: CLOSE_GRACE_MS })));
    await this.#parts.end();
    log.event('node.stopped', {
      balanced: report.balanced,
      left: report.left.reduce((sum, { messages }) => sum + messages, 0),
    });
    return report;
  }

  /** Resolves when the queues are empty or nobody is left to serve, at the deadline, or when forced. */
  async #served(): Promise<void> {
    const { shards, settings } = this.#parts;
    const deadlineMs = Date.now() + settings.shutdownTimeoutMs;
    let wasEmpty = false;
    while (Date.now() < deadlineMs && !this.#forced.signal.aborted) {
      const pending = await Promise.all(shards.map((shard) => shard.call('pending', null)));
      const isEmpty = pending.every(({ messages, inTransitBytes }) => messages + inTransitBytes === 0);
      // Asked twice: a message may have gone from a shard that had not been asked to one that had.
      if ((isEmpty && wasEmpty) || pending.every(({ sessions }) => sessions === 0)) return;
      wasEmpty = isEmpty;
      await delay(DRAIN_POLL_MS, undefined, { signal: this.#forced.signal }).catch(() => {});
    }
  }

  /** A thread died: the others get a moment, then everything ends. */
  async abandon(): Promise<void> {
    const { control, shards } = this.#parts;
    control.enter('stopped');
    const stopped = Promise.allSettled(shards.map((shard) => shard.call('stop', { graceMs: CLOSE_GRACE_MS })));
    await Promise.race([stopped, delay(FAILURE_GRACE_MS, undefined, { ref: false })]);
    await Promise.race([this.#parts.end(), delay(FAILURE_GRACE_MS, undefined, { ref: false })]);
  }
}

/** What startNode() has put together, in the order it was started. */
class NodeParts {
  readonly settings: NodeSettings;
  readonly log: Log;
  readonly failed: Promise<Error>;
  shards: ControlClient[] = [];
  catalogStore: CatalogClient = new NoCatalog();
  control!: NodeControl;
  cluster: ClusterClient | undefined;
  clusterPort = 0;
  threads: Threads | undefined;
  readonly admins: AdminServer[] = [];
  fail!: (error: Error) => void;

  constructor(settings: NodeSettings, log: Log) {
    this.settings = settings;
    this.log = log;
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
  }

  async end(): Promise<void> {
    await this.catalogStore.stop();
    await this.cluster?.call('stop', null).catch(() => {});
    this.cluster?.close();
    this.control.enter('stopped');
    await Promise.all(this.admins.map((admin) => admin.close()));
    for (const shard of this.shards) shard.close();
    await this.threads?.stop();
  }
}

/**
 * Starts a node; resolves when it serves. Rejects, with nothing left running, when a port or the data cannot be used.
 */
export async function startNode(settings: NodeSettings, options: NodeOptions): Promise<RunningNode> {
  const parts = new NodeParts(settings, options.log);
  try {
    startPool(
      parts,
      options.threadsFile ??
        new URL(import.meta.url.endsWith('.ts') ? './threads.ts' : './threads.js', import.meta.url),
    );
    const failure = parts.failed.then((error) => Promise.reject(error));
    return await Promise.race([openNode(parts), failure]);
  } catch (error) {
    await Promise.allSettled(parts.admins.map((admin) => admin.close()));
    for (const shard of parts.shards) shard.close();
    await parts.threads?.stop();
    throw error;
  }
}

function startPool(parts: NodeParts, filename: URL): void {
  const { settings } = parts;
  const clusterThread = settings.cluster === undefined ? undefined : settings.shards;
  const mesh = createMesh(settings.shards + (clusterThread === undefined ? 0 : 1));
  const tasks: ThreadTask[] = [];
  for (let index = 0; index < settings.shards; index++) {
    const { port1, port2 } = new MessageChannel();
    parts.shards.push(new ControlClient(port1, (event) => onEvent(parts, event)));
    const data: ShardData = {
      index,
      mesh,
      port: port2,
      ...settings.shard,
      shards: settings.shards,
      nodeName: settings.name,
      clusterThread,
    };
    tasks.push({ name: 'shard', data, transferList: [port2] });
  }
  if (settings.dataDir !== undefined) tasks.push(writerTask(parts, settings.dataDir));
  if (settings.cluster !== undefined) tasks.push(clusterTask(parts, settings.cluster, mesh));
  parts.threads = startThreads({
    filename,
    tasks,
    onFailure: (name, index, error) => {
      parts.log.error('thread.died', { thread: `${name}-${index}`, error });
      parts.fail(error);
    },
  });
}

function writerTask(parts: NodeParts, dataDir: string): ThreadTask {
  const { port1, port2 } = new MessageChannel();
  parts.catalogStore = new WriterCatalog(port1);
  const data: WriterData = { dataDir, port: port2 as MessagePort };
  return { name: 'writer', data, transferList: [port2] };
}

/** The cluster's file is known by its place alone: nothing here imports it. */
function clusterTask(parts: NodeParts, cluster: ClusterSettings, mesh: Mesh): ThreadTask {
  const { port1, port2 } = new MessageChannel();
  const { settings } = parts;
  parts.cluster = new ClusterClient(port1, (event) => onClusterEvent(parts, event));
  const data = { ...cluster, node: settings.name, shards: settings.shards, mesh, port: port2 };
  const file = import.meta.url.endsWith('.ts') ? '../cluster/thread.ts' : '../cluster/thread.js';
  const filename = new URL(file, import.meta.url);
  return { name: 'cluster', filename, data, transferList: [port2] };
}

async function openNode(parts: NodeParts): Promise<RunningNode> {
  const { settings, log, shards } = parts;
  const catalog = new QueueCatalog({
    shards,
    placement: new ShardPlacement(settings.shards),
    store: parts.catalogStore,
    cluster: parts.cluster,
  });
  parts.control = new NodeControl({
    name: settings.name,
    version: settings.version,
    startedAtMs: Date.now(),
    shards,
    catalog,
    queueDefaults: settings.queueDefaults,
    cluster: parts.cluster,
    onChange: (event, details) => log.event(event, details),
  });
  const peers = await parts.cluster?.call('start', null);
  await catalog.start(settings.queues);
  if (peers !== undefined) log.event('cluster.joined', { cluster: settings.cluster?.cluster, port: peers.port });
  parts.clusterPort = peers?.port ?? 0;
  const grpc = await listenGrpc(parts);
  const admin = await listenAdmin(parts);
  parts.control.enter('serving');
  log.event('node.serving', {
    name: settings.name,
    grpc: `${settings.grpc.host}:${grpc}`,
    admin: `${settings.admin.host}:${admin}`,
    shards: settings.shards,
    queues: catalog.count,
  });
  return new RunningNode(parts, { grpc, admin, cluster: parts.clusterPort });
}

/** The first shard takes the port (0 = any free one), the others share it; the kernel spreads connections over them. */
async function listenGrpc(parts: NodeParts): Promise<number> {
  const { host, port } = parts.settings.grpc;
  const [first, ...others] = parts.shards;
  const reusePort = others.length > 0 && process.platform === 'linux';
  const { port: taken } = await first.call('listen', { host, port, reusePort });
  if (reusePort) await Promise.all(others.map((shard) => shard.call('listen', { host, port: taken, reusePort })));
  return taken;
}

async function listenAdmin(parts: NodeParts): Promise<number> {
  const { settings, control, log } = parts;
  let first = 0;
  for (const { host, port, ...served } of settings.adminAddresses) {
    const server = new AdminServer({ view: control, log, ...settings.adminOptions, ...served });
    parts.admins.push(server);
    const taken = await server.listen({ host, port });
    if (first === 0) first = taken.port;
  }
  return first;
}

/** An idle queue is deleted unless somebody used it meanwhile. */
function onEvent(parts: NodeParts, event: ControlEvent): void {
  parts.control.deleteIdle(event.number).catch((error: unknown) => parts.log.error('queue.idle', { error }));
}

function onClusterEvent(parts: NodeParts, event: ClusterEvent): Promise<unknown> | undefined {
  switch (event.event) {
    case 'introduce':
      return parts.control.introduce(event.options);
    case 'call':
      return parts.control.serve(event.method, event.args);
    case 'place':
      parts.control.placed(event.number, { shard: event.shard, node: event.node });
      return undefined;
    case 'deleted':
      parts.control.deletedElsewhere(event.name).catch((error: unknown) => parts.log.error('queue.deleted', { error }));
      return undefined;
    case 'log':
      parts.log.event(event.what, event.details);
      return undefined;
    default:
      return undefined;
  }
}

function stopReport(ledger: LedgerReport): StopReport {
  const left = ledger.queues
    .map(({ name, ledger: counts }) => ({ queue: name, messages: counts.ready + counts.inFlight + counts.delayed }))
    .filter(({ messages }) => messages > 0);
  return { balanced: ledger.balanced, left };
}
