// Where queues declared at run time are remembered, so that a restarted node has them again. (What the config declares
// is not stored: the config is its own truth.)
import type { QueueOptions } from '../core/queue-options.ts';

/** The store port; memory and SQLite implement it. A call returns when the change is as safe as the store makes it. */
export interface CatalogStore {
  load(): QueueOptions[];
  put(options: QueueOptions): void;
  delete(name: string): void;
  close(): void;
}
