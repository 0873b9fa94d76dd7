// A shard that only records what main asks of it, at the other end of a real port.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { ControlClient, type ControlHandlers, type ControlKind, serveControl } from '../../src/broker/control.ts';

export class FakeShard {
  readonly client: ControlClient;
  /** Kind and request of every call, in order. */
  readonly calls: (readonly [ControlKind, unknown])[] = [];
  /** What a request of that kind is answered with; may throw. Others are answered with what a delete is. */
  readonly answers = new Map<ControlKind, (request: never) => unknown>();
  readonly #port: MessagePort;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.client = new ControlClient(port1, () => {});
    this.#port = port2;
    const answer = (kind: ControlKind) => (request: unknown) => {
      this.calls.push([kind, request]);
      return this.answers.get(kind)?.(request as never) ?? { purged: 0 };
    };
    const handlers = { create: answer('create'), delete: answer('delete'), pause: answer('pause') };
    serveControl(port2, handlers as unknown as ControlHandlers, () => {});
  }

  /** Numbers of the queues that the shard has. */
  get queues(): number[] {
    const numbers = new Set<number>();
    for (const [kind, request] of this.calls) {
      if (kind === 'create')
        for (const { number } of (request as { queues: { number: number }[] }).queues) numbers.add(number);
      if (kind === 'delete') numbers.delete((request as { number: number }).number);
    }
    return [...numbers];
  }

  /** The thread dies: its end of the port closes. */
  die(): void {
    this.#port.close();
  }
}
