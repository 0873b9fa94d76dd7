// Calls between the mains of nodes, over control links: how admin requests reach the owner of a queue.
// Lives on: the cluster's thread, one.
import { BrokerError, type ErrorCode } from '../../src/base/errors.ts';
import { OWNERSHIP_LIMITS } from '../limits.ts';
import type { NodeId } from '../placement/ring.ts';

interface CallMessage {
  readonly t: 'c-call';
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

interface AnswerMessage {
  readonly t: 'c-answer';
  readonly id: number;
  readonly answer?: unknown;
  readonly code?: ErrorCode;
  readonly message?: string;
}

interface Waiting {
  readonly node: NodeId;
  readonly dueMs: number;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export interface RemoteCallsPort {
  send(node: NodeId, message: object): boolean;
  /** Carries out what another node asks of this one's main. */
  serve(method: string, args: readonly unknown[]): Promise<unknown>;
}

export class RemoteCalls {
  readonly #port: RemoteCallsPort;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  constructor(port: RemoteCallsPort) {
    this.#port = port;
  }

  call(node: NodeId, call: { method: string; args: readonly unknown[] }, nowMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const message: CallMessage = { t: 'c-call', id, ...call };
      if (!this.#port.send(node, message)) {
        reject(unreachable(node));
        return;
      }
      this.#waiting.set(id, { node, dueMs: nowMs + OWNERSHIP_LIMITS.callTimeoutMs, resolve, reject });
    });
  }

  receive(node: NodeId, message: CallMessage | AnswerMessage): void {
    if (message.t === 'c-answer') this.#answered(message);
    else this.#serve(node, message);
  }

  tick(nowMs: number): void {
    for (const [id, { dueMs, node, reject }] of this.#waiting) {
      if (dueMs > nowMs) continue;
      this.#waiting.delete(id);
      reject(unreachable(node));
    }
  }

  gone(node: NodeId): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.node !== node) continue;
      this.#waiting.delete(id);
      waiting.reject(unreachable(node));
    }
  }

  #answered({ id, answer, code, message }: AnswerMessage): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (code === undefined) waiting?.resolve(answer);
    else waiting?.reject(new BrokerError(code, message ?? ''));
  }

  async #serve(node: NodeId, { id, method, args }: CallMessage): Promise<void> {
    try {
      const answer = await this.#port.serve(method, args);
      this.#port.send(node, { t: 'c-answer', id, answer } satisfies AnswerMessage);
    } catch (thrown) {
      const { code, message } = BrokerError.from(thrown);
      this.#port.send(node, { t: 'c-answer', id, code, message } satisfies AnswerMessage);
    }
  }
}

function unreachable(node: NodeId): BrokerError {
  return new BrokerError('unavailable', `Node "${node}" does not answer`);
}
