// All queues of the node: which there are, under which number, on which shard. Main is the single writer: a change goes
// to the disk (queues declared at run time), then to every shard, and only then is it answered, so that a client that
// was told "declared" finds the queue from any connection.
// Lives on: main.
import { BrokerError } from '../base/errors.ts';
import { NAME_BYTES_MAX, QUEUES_MAX } from '../base/limits.ts';
import type { QueueOptions } from '../core/queue-options.ts';
import type { CatalogClient } from './catalog-client.ts';
import type { ControlClient, DeleteCondition, QueuePlacement } from './control.ts';
import type { ShardPlacement } from './placement.ts';

/** Queues told to a shard in one message: bounds the size of a message, not the number of queues. */
const CREATE_BATCH = 1000;

export interface CatalogEntry extends QueuePlacement {
  /** Where it was declared; only what was declared at run time can be deleted for good. */
  readonly source: 'config' | 'runtime';
}

export interface QueueCatalogOptions {
  readonly shards: readonly ControlClient[];
  readonly placement: ShardPlacement;
  readonly store: CatalogClient;
}

export class QueueCatalog {
  readonly #options: QueueCatalogOptions;
  readonly #byName = new Map<string, CatalogEntry>();
  readonly #byNumber = new Map<number, CatalogEntry>();
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
    const stored = (await this.#options.store.load()).filter((options) => !names.has(options.name));
    const entries = [
      ...configured.map((options) => this.#place(options, 'config')),
      ...stored.map((options) => this.#place(options, 'runtime')),
    ];
    for (let from = 0; from < entries.length; from += CREATE_BATCH)
      await this.#create(entries.slice(from, from + CREATE_BATCH));
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
      if (options.idleTtlMs === 0) await this.#options.store.put(options);
      const entry = this.#place(options, 'runtime');
      await this.#create([entry]);
      return entry;
    });
  }

  /** Deletes a queue on every shard; returns how many messages went with it. */
  delete(name: string, only: DeleteCondition): Promise<{ purged: number }> {
    return this.#inOrder(async () => {
      const entry = this.get(name);
      const { number } = entry;
      const owner = this.#options.shards[entry.shard];
      const answer = await owner.call('delete', { number, only });
      await this.#options.store.delete(name);
      this.#byName.delete(name);
      this.#byNumber.delete(number);
      const others = this.#options.shards.filter((shard) => shard !== owner);
      await Promise.all(others.map((shard) => shard.call('delete', { number, only: 'always' })));
      return answer;
    });
  }

  /** The entry of a queue; throws `not-found`. */
  get(name: string): CatalogEntry {
    const entry = this.#byName.get(name);
    if (entry === undefined) throw new BrokerError('not-found', `Queue "${name}" not found`);
    return entry;
  }

  number(number: number): CatalogEntry | undefined {
    return this.#byNumber.get(number);
  }

  owner(entry: CatalogEntry): ControlClient {
    return this.#options.shards[entry.shard];
  }

  entries(): IterableIterator<CatalogEntry> {
    return this.#byName.values();
  }

  #place(options: QueueOptions, source: CatalogEntry['source']): CatalogEntry {
    const entry = { number: this.#nextNumber++, shard: this.#options.placement.shardOf(options.name), options, source };
    this.#byName.set(options.name, entry);
    this.#byNumber.set(entry.number, entry);
    return entry;
  }

  async #create(queues: readonly CatalogEntry[]): Promise<void> {
    await Promise.all(this.#options.shards.map((shard) => shard.call('create', { queues })));
  }

  #inOrder<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => {});
    return done;
  }
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
