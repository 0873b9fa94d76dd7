// Requests over a MessagePort, each with a number by which its answer finds it. Every one settles: when the other end
// is gone, those that wait and those that come later are rejected with `unavailable`.
// Lives on: main. Called by: ControlClient, WriterCatalog.
import type { MessagePort } from 'node:worker_threads';
import { BrokerError } from '../base/errors.ts';

interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export class PortCalls<Answer extends { readonly id: number }> {
  readonly #port: MessagePort;
  /** Who answers, for errors: "shard". */
  readonly #peer: string;
  readonly #waiting = new Map<number, Waiting<Answer>>();
  #nextId = 0;
  #closed = false;

  constructor(port: MessagePort, peer: string) {
    this.#port = port;
    this.#peer = peer;
    port.on('close', () => this.#end());
  }

  /** Sends the request with a number; resolves with what answered() gets for it. */
  ask(request: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      // A closed port takes messages without a word and drops them.
      if (this.#closed) throw this.#unavailable();
      const id = this.#nextId++;
      this.#port.postMessage({ ...request, id });
      this.#waiting.set(id, { resolve, reject });
    });
  }

  answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    waiting?.resolve(answer);
  }

  close(): void {
    this.#port.close();
    this.#end();
  }

  #end(): void {
    this.#closed = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(this.#unavailable());
  }

  #unavailable(): BrokerError {
    return new BrokerError('unavailable', `The ${this.#peer} has stopped`);
  }
}
