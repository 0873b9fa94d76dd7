// The node as its admin surface sees it: answers by asking the shards and the catalog.
// Lives on: main.
import { BrokerError, type ErrorCode } from '../base/errors.ts';
import { Ledger, type LedgerCounts } from '../core/ledger.ts';
import { type QueueOptions, queueOptions } from '../core/queue-options.ts';
import type { ClusterClient, ClusterStatus, PlannedMove } from './cluster-port.ts';
import type { ControlClient } from './control.ts';
import type { LedgerReport, NodeState, NodeStats, NodeView, PeekedMessage, QueueInfo } from './node-view.ts';
import type { CatalogEntry, QueueCatalog } from './queue-catalog.ts';
import type { QueueSnapshot } from './snapshots.ts';

/** Queues in one answer of a shard: a few ms of its loop. */
const QUEUES_A_REQUEST = 1000;

/** Why an idle queue is not deleted: it is gone, it is in use, or the node stops. */
const IDLE_NO_MORE: ReadonlySet<ErrorCode> = new Set(['not-found', 'failed-precondition', 'unavailable']);

export interface NodeControlOptions {
  readonly name: string;
  readonly version: string;
  readonly startedAtMs: number;
  readonly shards: readonly ControlClient[];
  readonly catalog: QueueCatalog;
  /** What a declaration leaves open. */
  readonly queueDefaults: Partial<QueueOptions>;
  /** Undefined: a node alone. */
  readonly cluster: ClusterClient | undefined;
  readonly onChange: (event: string, details: Record<string, unknown>) => void;
}

export class NodeControl implements NodeView {
  readonly name: string;
  readonly version: string;
  readonly startedAtMs: number;
  readonly #options: NodeControlOptions;
  readonly #catalog: QueueCatalog;
  #state: NodeState = 'starting';

  constructor(options: NodeControlOptions) {
    this.name = options.name;
    this.version = options.version;
    this.startedAtMs = options.startedAtMs;
    this.#options = options;
    this.#catalog = options.catalog;
  }

  state(): NodeState {
    return this.#state;
  }

  enter(state: NodeState): void {
    this.#state = state;
  }

  async declareQueue(declaration: { readonly name: string } & Partial<QueueOptions>): Promise<QueueInfo> {
    if (declaration.deadLetterQueue === declaration.name) {
      throw new BrokerError(
        'invalid-argument',
        `Cannot declare queue "${declaration.name}": it cannot be its own dead-letter queue`,
      );
    }
    const entry = await this.#catalog.declare(queueOptions({ ...this.#options.queueDefaults, ...declaration }));
    this.#options.onChange('queue.declared', { queue: entry.options.name, shard: entry.shard });
    return this.#info(entry);
  }

  async deleteQueue(name: string, options: { readonly ifEmpty?: boolean } = {}): Promise<{ purged: number }> {
    if (this.#catalog.find(name) !== undefined) {
      const elsewhere = await this.#elsewhere(name, 'delete', options);
      if (elsewhere !== undefined) return elsewhere.answer as { purged: number };
    }
    const answer = await this.#catalog.delete(name, { only: options.ifEmpty === true ? 'if-empty' : 'always' });
    this.#options.onChange('queue.deleted', { queue: name, purged: answer.purged });
    return answer;
  }

  /**
   * The queue's idle time to live ran out on its shard: it goes, unless somebody came or it was deleted meanwhile.
   * Rejects only for what nobody expects.
   */
  async deleteIdle(number: number): Promise<void> {
    const entry = this.#catalog.number(number);
    if (entry === undefined) return;
    const queue = entry.options.name;
    try {
      const { purged } = await this.#catalog.delete(queue, { only: 'if-idle', number });
      this.#options.onChange('queue.expired', { queue, purged });
    } catch (error) {
      if (!(error instanceof BrokerError) || !IDLE_NO_MORE.has(error.code)) throw error;
    }
  }

  // What the cluster asks and says.

  introduce(options: QueueOptions): Promise<number> {
    return this.#catalog.introduce(options);
  }

  placed(number: number, place: { shard: number; node: string }): void {
    const { shard, node } = place;
    this.#catalog.placed(number, { shard, node: node === this.name ? undefined : node });
  }

  deletedElsewhere(name: string): Promise<void> {
    return this.#catalog.deletedElsewhere(name);
  }

  /** Carries out what the main of another node asks about queues of this one. */
  serve(method: string, args: readonly unknown[]): Promise<unknown> {
    const [name, more] = args as [string, unknown];
    switch (method) {
      case 'infos':
        return this.#infos((args[0] as string[]).map((each) => this.#catalog.get(each)));
      case 'ownInfos':
        return this.#infos(this.#own());
      case 'delete':
        return this.deleteQueue(name, more as { ifEmpty?: boolean });
      case 'purge':
        return this.purgeQueue(name);
      case 'pause':
        return this.pauseQueue(name);
      case 'resume':
        return this.resumeQueue(name);
      case 'peek':
        return this.peekQueue(name, Number(more));
      case 'requeue':
        return this.requeue(name, more as { to?: string });
      default:
        throw new BrokerError('unimplemented', `Cannot call "${method}": this node has no such call`);
    }
  }

  clusterStatus(): Promise<ClusterStatus> {
    return this.#cluster().call('status', null);
  }

  clusterPlan(without: string | undefined): Promise<readonly PlannedMove[]> {
    return this.#cluster().call('plan', { without });
  }

  #cluster(): ClusterClient {
    const { cluster } = this.#options;
    if (cluster !== undefined) return cluster;
    throw new BrokerError('failed-precondition', 'This node is in no cluster: cluster.name is not set');
  }

  /** Asks the node that runs the queue, when that is another one. */
  async #elsewhere(name: string, method: string, ...more: unknown[]): Promise<{ answer: unknown } | undefined> {
    const { node } = this.#catalog.get(name);
    if (node === undefined) return undefined;
    return { answer: await this.#cluster().call('remote', { node, method, args: [name, ...more] }) };
  }

  /** The queues that this node runs. */
  #own(): CatalogEntry[] {
    const { shards } = this.#options;
    return [...this.#catalog.entries()].filter((entry) => entry.node === undefined && entry.shard < shards.length);
  }

  async purgeQueue(name: string): Promise<{ purged: number }> {
    const elsewhere = await this.#elsewhere(name, 'purge');
    if (elsewhere !== undefined) return elsewhere.answer as { purged: number };
    const entry = this.#catalog.get(name);
    const answer = await this.#catalog.owner(entry).call('purge', { number: entry.number });
    this.#options.onChange('queue.purged', { queue: name, purged: answer.purged });
    return answer;
  }

  async pauseQueue(name: string): Promise<void> {
    if ((await this.#elsewhere(name, 'pause')) !== undefined) return;
    const entry = this.#catalog.get(name);
    await this.#catalog.owner(entry).call('pause', { number: entry.number });
    this.#options.onChange('queue.paused', { queue: name });
  }

  async resumeQueue(name: string): Promise<void> {
    if ((await this.#elsewhere(name, 'resume')) !== undefined) return;
    const entry = this.#catalog.get(name);
    await this.#catalog.owner(entry).call('resume', { number: entry.number });
    this.#options.onChange('queue.resumed', { queue: name });
  }

  async peekQueue(name: string, limit: number): Promise<PeekedMessage[]> {
    const elsewhere = await this.#elsewhere(name, 'peek', limit);
    if (elsewhere !== undefined) return elsewhere.answer as PeekedMessage[];
    const entry = this.#catalog.get(name);
    return this.#catalog.owner(entry).call('peek', { number: entry.number, limit });
  }

  async requeue(name: string, options: { readonly to?: string } = {}): Promise<{ moved: number }> {
    const entry = this.#catalog.get(name);
    if (options.to === name)
      throw new BrokerError('invalid-argument', `Cannot move messages of queue "${name}" to itself`);
    if (options.to !== undefined) this.#catalog.get(options.to);
    const elsewhere = await this.#elsewhere(name, 'requeue', options);
    if (elsewhere !== undefined) return elsewhere.answer as { moved: number };
    const answer = await this.#catalog.owner(entry).call('requeue', { number: entry.number, to: options.to });
    this.#options.onChange('queue.requeued', { queue: name, ...options, moved: answer.moved });
    return answer;
  }

  queue(name: string): Promise<QueueInfo> {
    return this.#info(this.#catalog.get(name));
  }

  async queues(page: {
    readonly prefix?: string;
    readonly limit: number;
    readonly offset: number;
  }): Promise<{ total: number; queues: QueueInfo[] }> {
    const found = [...this.#catalog.entries()].filter((entry) => entry.options.name.startsWith(page.prefix ?? ''));
    found.sort((a, b) => (a.options.name < b.options.name ? -1 : 1));
    const wanted = found.slice(page.offset, page.offset + page.limit);
    return { total: found.length, queues: await this.#anyInfos(wanted) };
  }

  async ledger(): Promise<LedgerReport> {
    const infos = await this.#infos(this.#own());
    const queues = infos.map(({ name, ledger, imbalance }) => ({ name, ledger, imbalance }));
    const imbalance = queues.reduce((sum, queue) => sum + Math.abs(queue.imbalance), 0);
    return { balanced: imbalance === 0, imbalance, total: sumOf(infos.map((info) => info.ledger)), queues };
  }

  async stats(): Promise<NodeStats> {
    return { shards: await Promise.all(this.#options.shards.map((shard) => shard.call('stats', null))) };
  }

  async #info(entry: CatalogEntry): Promise<QueueInfo> {
    const { name } = entry.options;
    const [info] = entry.node === undefined ? await this.#infos([entry]) : await this.#remoteInfos(entry.node, [name]);
    if (info === undefined) throw new BrokerError('not-found', `Queue "${name}" not found`);
    return info;
  }

  async #remoteInfos(node: string, names: readonly string[]): Promise<QueueInfo[]> {
    return (await this.#cluster().call('remote', { node, method: 'infos', args: [names] })) as QueueInfo[];
  }

  /** Infos of queues wherever they are, in their order; those of a node that does not answer are left out. */
  async #anyInfos(entries: readonly CatalogEntry[]): Promise<QueueInfo[]> {
    const byNode = Map.groupBy(entries, ({ node }) => node);
    const asked = [...byNode].map(async ([node, those]) => {
      if (node === undefined) return this.#infos(those);
      const names = those.map(({ options }) => options.name);
      return this.#remoteInfos(node, names).catch(() => []);
    });
    const byName = new Map((await Promise.all(asked)).flat().map((info) => [info.name, info]));
    return entries.flatMap(({ options }) => byName.get(options.name) ?? []);
  }

  /** Snapshots of many queues, asked for in pages: a shard answers its sockets in between. */
  async #infos(entries: readonly CatalogEntry[]): Promise<QueueInfo[]> {
    const byNumber = new Map<number, QueueSnapshot>();
    const asked = this.#options.shards.map(async (shard, index) => {
      const numbers = entries.filter((entry) => entry.shard === index).map((entry) => entry.number);
      for (let from = 0; from < numbers.length; from += QUEUES_A_REQUEST) {
        const page = numbers.slice(from, from + QUEUES_A_REQUEST);
        for (const snapshot of await shard.call('queues', { numbers: page })) byNumber.set(snapshot.number, snapshot);
      }
    });
    await Promise.all(asked);
    // A queue that was deleted meanwhile is left out.
    return entries.flatMap((entry) => {
      const snapshot = byNumber.get(entry.number);
      return snapshot === undefined ? [] : [queueInfo(entry, snapshot)];
    });
  }
}

function queueInfo(entry: CatalogEntry, snapshot: QueueSnapshot): QueueInfo {
  const { number: _, ...rest } = snapshot;
  const { options, shard, source } = entry;
  return { name: options.name, shard, source, options, ...rest, imbalance: imbalanceOf(snapshot.ledger) };
}

function imbalanceOf(counts: LedgerCounts): number {
  return Object.assign(new Ledger(), counts).imbalance(counts);
}

function sumOf(ledgers: readonly LedgerCounts[]): LedgerCounts {
  const sum: Record<string, number> = { ...new Ledger().counts({ ready: 0, inFlight: 0, delayed: 0, blocked: 0 }) };
  for (const ledger of ledgers) for (const [account, count] of Object.entries(ledger)) sum[account] += count;
  return sum as unknown as LedgerCounts;
}
