// The catalog of run-time declared queues in one SQLite file, `catalog.db` in the data directory. The plain sqlite3
// shell reads it:
//
//   queues(name TEXT PRIMARY KEY, options TEXT)   -- options: the declaration as JSON, durations in ms
//
// Lives on: the writer thread.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type QueueOptions, queueOptions } from '../core/queue-options.ts';
import type { CatalogStore } from './catalog-store.ts';

/** Version of the schema, kept in SQLite's user_version: a newer file is refused rather than misread. */
const SCHEMA_VERSION = 1;

export class SqliteCatalogStore implements CatalogStore {
  readonly #database: DatabaseSync;

  /** Opens or makes the catalog; throws when the directory cannot be used or the file is of a newer version. */
  constructor(dataDir: string) {
    mkdirSync(dataDir, { recursive: true });
    const path = join(dataDir, 'catalog.db');
    this.#database = new DatabaseSync(path);
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    const { user_version: version } = this.#database.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version > SCHEMA_VERSION) {
      this.#database.close();
      throw new Error(
        `Cannot open ${path}: received schema version ${version}, this node knows up to ${SCHEMA_VERSION}`,
      );
    }
    this.#database.exec(`CREATE TABLE IF NOT EXISTS queues (name TEXT PRIMARY KEY, options TEXT NOT NULL)
      STRICT, WITHOUT ROWID;
      PRAGMA user_version = ${SCHEMA_VERSION};`);
  }

  load(): QueueOptions[] {
    const rows = this.#database.prepare('SELECT options FROM queues ORDER BY name').all() as { options: string }[];
    // Options that a newer version added get their defaults.
    return rows.map((row) => queueOptions(JSON.parse(row.options) as { name: string }));
  }

  put(options: QueueOptions): void {
    this.#database
      .prepare(
        'INSERT INTO queues (name, options) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET options = excluded.options',
      )
      .run(options.name, JSON.stringify(options));
  }

  delete(name: string): void {
    this.#database.prepare('DELETE FROM queues WHERE name = ?').run(name);
  }

  close(): void {
    this.#database.close();
  }
}
