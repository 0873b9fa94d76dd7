// Main's end of the port to the writer thread: the catalog of run-time declared queues, on disk when a call resolves.
// Without a data directory there is no writer, and `NoCatalog` stands in: such queues then live as long as the node.
// Lives on: main.
import type { MessagePort } from 'node:worker_threads';
import { BrokerError } from '../base/errors.ts';
import type { QueueOptions } from '../core/queue-options.ts';
import { PortCalls } from './port-calls.ts';

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
  readonly #calls: PortCalls<Answer>;

  constructor(port: MessagePort) {
    this.#calls = new PortCalls(port, 'writer');
    port.on('message', (answer: Answer) => this.#calls.answered(answer));
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

  /** Resolves also when the writer is gone: there is nothing left to stop. */
  async stop(): Promise<void> {
    try {
      await this.#ask({ kind: 'stop' });
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== 'unavailable') throw error;
    }
  }

  async #ask(request: { kind: string; options?: QueueOptions; name?: string }): Promise<Answer> {
    const answer = await this.#calls.ask(request);
    if (answer.error !== undefined) throw new BrokerError('internal', `Cannot write the catalog: ${answer.error}`);
    return answer;
  }
}
