// Queues that this node hears of for the first time: main gives each a number, under which every shard then knows it.
// Lives on: the cluster's thread, one.
import type { DeclaredQueue } from '../../src/broker/cluster-port.ts';
import type { QueueOptions } from '../../src/core/queue-options.ts';

export interface IntroductionsPort {
  numberOf(name: string): number | undefined;
  /** Asks main. */
  ask(options: QueueOptions): Promise<number>;
  declare(queue: DeclaredQueue): void;
}

export class Introductions {
  readonly #port: IntroductionsPort;
  /** Who waits for the number of a name. */
  readonly #waiting = new Map<string, ((number: number) => void)[]>();

  constructor(port: IntroductionsPort) {
    this.#port = port;
  }

  /** Calls `known` with the number of the queue, at once when it has one. */
  introduce(options: QueueOptions, known: (number: number) => void): void {
    const { name } = options;
    const number = this.#port.numberOf(name);
    if (number !== undefined) {
      known(number);
      return;
    }
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) {
      waiting.push(known);
      return;
    }
    const all = [known];
    this.#waiting.set(name, all);
    this.#port.ask(options).then(
      (given) => {
        this.#waiting.delete(name);
        this.#port.declare({ number: given, options });
        for (const each of all) each(given);
      },
      // A queue that cannot be made here is heard of again with its next change.
      () => this.#waiting.delete(name),
    );
  }
}
