// All queues of the node: which there are, under which number, on which shard. Main is the single writer: a change goes
// to the disk (queues declared at run time), then to every shard, and only then is it answered, so that a client that
// was told "declared" finds the queue from any connection.
// Lives on: main.
import { BrokerError } from '../base/errors.ts';
import { NAME_BYTES_MAX, QUEUES_MAX } from '../base/limits.ts';
import type { QueueOptions } from '../core/queue-options.ts';
import type { CatalogClient } from './catalog-client.ts';
import type { ClusterClient } from './cluster-port.ts';
import type { ControlClient, DeleteCondition, QueuePlacement } from './control.ts';
import type { ShardPlacement } from './placement.ts';

/** Queues told to a shard in one message: bounds the size of a message, not the number of queues. */
const CREATE_BATCH = 1000;

export interface CatalogEntry extends QueuePlacement {
  /** Changes when the queue moves. */
  shard: number;
  /** The node that runs it, when that is another one; undefined also while nobody does. */
  node: string | undefined;
  /** Where it was declared; only what was declared at run time can be deleted for good. */
  readonly source: 'config' | 'runtime';
}

export interface DeleteOptions {
  readonly only: DeleteCondition;
  /** The number the caller knows the queue by: another queue that has its name by now is not meant. */
  readonly number?: number;
}

export interface QueueCatalogOptions {
  readonly shards: readonly ControlClient[];
  readonly placement: ShardPlacement;
  readonly store: CatalogClient;
  /** Undefined: every queue is this node's. */
  readonly cluster: ClusterClient | undefined;
}

export class QueueCatalog {
  readonly #options: QueueCatalogOptions;
  readonly #byName = new Map<string, CatalogEntry>();
  readonly #byNumber = new Map<number, CatalogEntry>();
  /** Names that the store has: also of queues that it could not forget, and that the config declares by now. */
  readonly #stored = new Set<string>();
  #nextNumber = 1;
  /** Changes go one after the other: two clients that declare the same name get one queue. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: QueueCatalogOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#byName.size;
  }

  /** Creates the queues of the config and those the store remembers; the config wins where both declare a name. */
  async start(configured: readonly QueueOptions[]): Promise<void> {
    const names = new Set(configured.map((options) => options.name));
    const loaded = await this.#options.store.load();
    for (const { name } of loaded) this.#stored.add(name);
    const stored = loaded.filter((options) => !names.has(options.name));
    const entries = [
      ...configured.map((options) => this.#place(options, 'config')),
      ...stored.map((options) => this.#place(options, 'runtime')),
    ];
    for (let from = 0; from < entries.length; from += CREATE_BATCH)
      await this.#create(entries.slice(from, from + CREATE_BATCH));
  }

  /** A queue that another node has, or wants to give: it gets a number here. */
  introduce(options: QueueOptions): Promise<number> {
    return this.#inOrder(async () => {
      const known = this.#byName.get(options.name);
      if (known !== undefined) return known.number;
      const entry = this.#place(options, 'runtime');
      await this.#create([entry]);
      return entry.number;
    });
  }

  /** The cluster says where the queue is. */
  placed(number: number, { shard, node }: { shard: number; node: string | undefined }): void {
    const entry = this.#byNumber.get(number);
    if (entry === undefined) return;
    entry.shard = shard;
    entry.node = node;
  }

  /** Its owner deleted the queue: nothing of it is kept here. */
  deletedElsewhere(name: string): Promise<void> {
    return this.#inOrder(async () => {
      const entry = this.#byName.get(name);
      if (entry === undefined) return;
      await this.#remove(entry, this.#options.shards);
      await this.#options.cluster?.call('deleted', { name, everywhere: false });
    });
  }

  /** Declares a queue; the same declaration again is fine, a different one is `already-exists`. */
  declare(options: QueueOptions): Promise<CatalogEntry> {
    return this.#inOrder(async () => {
      checkName(options.name);
      const existing = this.#byName.get(options.name);
      if (existing !== undefined) return sameOrThrow(existing, options);
      if (this.#byName.size >= QUEUES_MAX) {
        throw new BrokerError(
          'resource-exhausted',
          `Cannot declare queue "${options.name}": the node has ${QUEUES_MAX} queues, its limit`,
        );
      }
      // A queue with an idle time to live is gone after a restart anyway: it is not worth the disk.
      if (options.idleTtlMs === 0) await this.#store(options);
      const entry = this.#place(options, 'runtime');
      try {
        await this.#create([entry]);
      } catch (error) {
        // A queue that not every shard could make is none: some publishes would find it and others not.
        const [forgotten] = await this.#remove(entry, this.#options.shards);
        throw forgotten.status === 'rejected' ? forgotten.reason : error;
      }
      await this.#options.cluster?.call('settled', { name: options.name });
      return entry;
    });
  }

  /**
   * Deletes a queue on every shard; returns how many messages went with it. Once its owner has closed it there is no
   * way back: whatever fails then is told only when the queue is gone everywhere else. A queue that is gone from all
   * but the store can be deleted again.
   */
  delete(name: string, options: DeleteOptions): Promise<{ purged: number }> {
    return this.#inOrder(async () => {
      if (options.number === undefined && !this.#byName.has(name) && this.#stored.has(name)) {
        await this.#forget(name);
        return { purged: 0 };
      }
      const entry = this.get(name);
      if (options.number !== undefined && options.number !== entry.number) throw notFound(name);
      const owner = this.owner(entry);
      const answer = await owner.call('delete', { number: entry.number, only: options.only });
      const others = this.#options.shards.filter((shard) => shard !== owner);
      await this.#options.cluster?.call('deleted', { name, everywhere: true });
      for (const removal of await this.#remove(entry, others)) if (removal.status === 'rejected') throw removal.reason;
      return answer;
    });
  }

  /** The entry of a queue; throws `not-found`. */
  get(name: string): CatalogEntry {
    const entry = this.#byName.get(name);
    if (entry === undefined) throw notFound(name);
    return entry;
  }

  find(name: string): CatalogEntry | undefined {
    return this.#byName.get(name);
  }

  number(number: number): CatalogEntry | undefined {
    return this.#byNumber.get(number);
  }

  owner(entry: CatalogEntry): ControlClient {
    const owner = this.#options.shards[entry.shard];
    if (owner !== undefined) return owner;
    throw new BrokerError('unavailable', `Queue "${entry.options.name}" is just changing its node: try again`);
  }

  entries(): IterableIterator<CatalogEntry> {
    return this.#byName.values();
  }

  #place(options: QueueOptions, source: CatalogEntry['source']): CatalogEntry {
    const { cluster, placement, shards } = this.#options;
    // In a cluster every queue is reached by the cluster's thread until that says where it is.
    const shard = cluster === undefined ? placement.shardOf(options.name) : shards.length;
    const entry: CatalogEntry = { number: this.#nextNumber++, shard, options, source, node: undefined };
    this.#byName.set(options.name, entry);
    this.#byNumber.set(entry.number, entry);
    return entry;
  }

  async #create(queues: readonly CatalogEntry[]): Promise<void> {
    const placements = queues.map(({ number, shard, options }) => ({ number, shard, options }));
    await Promise.all(this.#options.shards.map((shard) => shard.call('create', { queues: placements })));
    const declared = placements.map(({ number, options }) => ({ number, options }));
    await this.#options.cluster?.call('declare', { queues: declared });
  }

  async #store(options: QueueOptions): Promise<void> {
    await this.#options.store.put(options);
    this.#stored.add(options.name);
  }

  async #forget(name: string): Promise<void> {
    if (!this.#stored.has(name)) return;
    try {
      await this.#options.store.delete(name);
    } catch (cause) {
      throw mayComeBack(name, cause);
    }
    this.#stored.delete(name);
  }

  /** Takes a queue out of the maps, the store and these shards. Never rejects; what the store said comes first. */
  #remove(entry: CatalogEntry, shards: readonly ControlClient[]): Promise<PromiseSettledResult<unknown>[]> {
    const { number, options } = entry;
    this.#byName.delete(options.name);
    this.#byNumber.delete(number);
    return Promise.allSettled([
      this.#forget(options.name),
      ...shards.map((shard) => shard.call('delete', { number, only: 'always' })),
    ]);
  }

  #inOrder<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => {});
    return done;
  }
}

function notFound(name: string): BrokerError {
  return new BrokerError('not-found', `Queue "${name}" not found`);
}

function mayComeBack(name: string, cause: unknown): BrokerError {
  const text = `Queue "${name}" is gone, but may come back after a restart: the catalog could not be written`;
  return new BrokerError('internal', `${text}. Delete it again when the disk is well`, { cause });
}

function checkName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > NAME_BYTES_MAX) {
    throw new BrokerError(
      'invalid-argument',
      `Cannot declare a queue: its name has ${bytes} bytes, expected 1 to ${NAME_BYTES_MAX}`,
    );
  }
}

function sameOrThrow(existing: CatalogEntry, options: QueueOptions): CatalogEntry {
  for (const key of Object.keys(options) as (keyof QueueOptions)[]) {
    const [has, asked] = [JSON.stringify(existing.options[key]), JSON.stringify(options[key])];
    if (has !== asked) {
      throw new BrokerError(
        'already-exists',
        `Cannot declare queue "${options.name}": it exists with ${key} = ${has}, received ${asked}`,
      );
    }
  }
  return existing;
}
