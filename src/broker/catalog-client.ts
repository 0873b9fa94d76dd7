// Main's end of the port to the writer thread: the catalog of run-time declared queues, on disk when a call resolves.
// Without a data directory there is no writer, and `NoCatalog` stands in: such queues then live as long as the node.
// Lives on: main.
import type { MessagePort } from 'node:worker_threads';
import { BrokerError } from '../base/errors.ts';
import type { QueueOptions } from '../core/queue-options.ts';

export interface CatalogClient {
  load(): Promise<QueueOptions[]>;
  put(options: QueueOptions): Promise<void>;
  delete(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** The null form. */
export class NoCatalog implements CatalogClient {
  async load(): Promise<QueueOptions[]> {
    return [];
  }
  async put(): Promise<void> {}
  async delete(): Promise<void> {}
  async stop(): Promise<void> {}
}

interface Answer {
  readonly id: number;
  readonly queues?: QueueOptions[];
  readonly error?: string;
}

export class WriterCatalog implements CatalogClient {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #nextId = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (answer: Answer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error === undefined) waiting?.resolve(answer);
      else waiting?.reject(new BrokerError('internal', `Cannot write the catalog: ${answer.error}`));
    });
    port.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new BrokerError('unavailable', 'The writer has stopped'));
    });
  }

  async load(): Promise<QueueOptions[]> {
    return (await this.#ask({ kind: 'load' })).queues ?? [];
  }

  async put(options: QueueOptions): Promise<void> {
    await this.#ask({ kind: 'put', options });
  }

  async delete(name: string): Promise<void> {
    await this.#ask({ kind: 'delete', name });
  }

  async stop(): Promise<void> {
    await this.#ask({ kind: 'stop' });
  }

  #ask(request: { kind: string; options?: QueueOptions; name?: string }): Promise<Answer> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#port.postMessage({ id, ...request });
    });
  }
}
