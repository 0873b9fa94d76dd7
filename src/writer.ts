// Assembles the writer thread: the only one that waits for a disk. Today it keeps the catalog of queues declared at run
// time; a long-lived task of the pool that ends when main tells it to.
import type { MessagePort } from 'node:worker_threads';
import type { QueueOptions } from './core/queue-options.ts';
import { SqliteCatalogStore } from './store/sqlite-catalog-store.ts';

export interface WriterData {
  readonly dataDir: string;
  readonly port: MessagePort;
}

/** What main asks of the writer; each is answered when it is on disk. */
export type WriterRequest =
  | { readonly id: number; readonly kind: 'load' }
  | { readonly id: number; readonly kind: 'put'; readonly options: QueueOptions }
  | { readonly id: number; readonly kind: 'delete'; readonly name: string }
  | { readonly id: number; readonly kind: 'stop' };

export interface WriterAnswer {
  readonly id: number;
  readonly queues?: QueueOptions[];
  readonly error?: string;
}

/** The pool's task: serves the catalog until it is told to stop. */
export function writer(data: WriterData): Promise<void> {
  const store = new SqliteCatalogStore(data.dataDir);
  return new Promise((resolve) => {
    data.port.on('message', (request: WriterRequest) => {
      data.port.postMessage(answer(store, request));
      if (request.kind !== 'stop') return;
      store.close();
      data.port.close();
      resolve();
    });
  });
}

/** A failed write is told to who asked for it; the catalog file stays as it was. */
function answer(store: SqliteCatalogStore, request: WriterRequest): WriterAnswer {
  try {
    if (request.kind === 'load') return { id: request.id, queues: store.load() };
    if (request.kind === 'put') store.put(request.options);
    else if (request.kind === 'delete') store.delete(request.name);
    return { id: request.id };
  } catch (thrown) {
    return { id: request.id, error: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
