import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { queueOptions } from '../../src/core/queue-options.ts';
import { SqliteCatalogStore } from '../../src/store/sqlite-catalog-store.ts';

describe('SqliteCatalogStore', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringmq-catalog-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('has what was put, changed and deleted after it was opened again', () => {
    const first = new SqliteCatalogStore(join(folder, 'data'));
    first.put(queueOptions({ name: 'b', limit: 1 }));
    first.put(queueOptions({ name: 'a' }));
    first.put(queueOptions({ name: 'b', limit: 2 }));
    first.put(queueOptions({ name: 'c' }));
    first.delete('c');
    first.delete('never there');
    first.close();
    const again = new SqliteCatalogStore(join(folder, 'data'));
    assert.deepEqual(again.load(), [queueOptions({ name: 'a' }), queueOptions({ name: 'b', limit: 2 })]);
    again.close();
  });

  it('gives options of a newer version their defaults', () => {
    const store = new SqliteCatalogStore(folder);
    const database = new DatabaseSync(join(folder, 'catalog.db'));
    database.exec(`INSERT INTO queues VALUES ('old', '{"name":"old","limit":3}')`);
    database.close();
    assert.deepEqual(store.load(), [queueOptions({ name: 'old', limit: 3 })]);
    store.close();
  });

  it('refuses a file of a newer schema', () => {
    const database = new DatabaseSync(join(folder, 'catalog.db'));
    database.exec('PRAGMA user_version = 99');
    database.close();
    assert.throws(() => new SqliteCatalogStore(folder), /received schema version 99, this node knows up to 1/);
  });
});
