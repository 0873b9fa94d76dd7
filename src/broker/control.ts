// What main tells a shard and asks of it, over one MessagePort a shard. Few messages, none on a message's way.
// Requests begin in order; each answer carries the request's number.
// Lives on: types for both sides; ControlClient on main, serveControl() on a shard.
import type { MessagePort } from 'node:worker_threads';
import { BrokerError, type ErrorCode } from '../base/errors.ts';
import type { QueueOptions } from '../core/queue-options.ts';
import type { PeekedMessage } from './node-view.ts';
import { PortCalls } from './port-calls.ts';
import type { QueueSnapshot, ShardSnapshot } from './snapshots.ts';

/** A queue as main places it: every shard gets its route, the owner also makes its actor. */
export interface QueuePlacement {
  readonly number: number;
  readonly shard: number;
  readonly options: QueueOptions;
}

/** When the owner may delete a queue: else it answers `failed-precondition`. */
export type DeleteCondition = 'always' | 'if-empty' | 'if-unused' | 'if-idle';

/** Every request with its answer. */
export interface ControlCalls {
  create: { request: { queues: readonly QueuePlacement[] }; answer: null };
  /** Removes the route; on the owner the queue is closed and what it held is counted as purged. */
  delete: { request: { number: number; only: DeleteCondition }; answer: { purged: number } };
  purge: { request: { number: number }; answer: { purged: number } };
  pause: { request: { number: number }; answer: null };
  resume: { request: { number: number }; answer: null };
  peek: { request: { number: number; limit: number }; answer: PeekedMessage[] };
  /** Unacked back to ready, or with `to`: ready messages into another queue. */
  requeue: { request: { number: number; to: string | undefined }; answer: { moved: number } };
  queues: { request: { numbers: readonly number[] | undefined }; answer: QueueSnapshot[] };
  stats: { request: null; answer: ShardSnapshot };
  listen: { request: { host: string; port: number; reusePort: boolean }; answer: { port: number } };
  drain: { request: null; answer: null };
  /** What a draining shard still has to serve: messages in its queues, bytes on its way to other shards. */
  pending: { request: null; answer: { messages: number; inTransitBytes: number; sessions: number } };
  stop: { request: { graceMs: number }; answer: null };
}

export type ControlKind = keyof ControlCalls;

/** What a shard tells main unasked. */
export interface ControlEvent {
  readonly event: 'idle';
  /** The queue whose time to live without consumers has run out. */
  readonly number: number;
}

interface RequestMessage {
  readonly id: number;
  readonly kind: ControlKind;
  readonly request: unknown;
}

type AnswerMessage =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };

/** Main's end of the port to one shard. */
export class ControlClient {
  readonly #calls: PortCalls<AnswerMessage>;

  constructor(port: MessagePort, onEvent: (event: ControlEvent) => void) {
    this.#calls = new PortCalls(port, 'shard');
    port.on('message', (message: AnswerMessage | ControlEvent) => {
      if ('event' in message) onEvent(message);
      else this.#calls.answered(message);
    });
  }

  /** Asks the shard; rejects with the shard's BrokerError, or `unavailable` when the shard is gone. */
  async call<K extends ControlKind>(kind: K, request: ControlCalls[K]['request']): Promise<ControlCalls[K]['answer']> {
    const message = await this.#calls.ask({ kind, request } satisfies Omit<RequestMessage, 'id'>);
    if ('error' in message) throw new BrokerError(message.error.code, message.error.message);
    return message.answer as ControlCalls[K]['answer'];
  }

  close(): void {
    this.#calls.close();
  }
}

/** One function a request kind. */
export type ControlHandlers = {
  readonly [K in ControlKind]: (
    request: ControlCalls[K]['request'],
  ) => ControlCalls[K]['answer'] | Promise<ControlCalls[K]['answer']>;
};

/**
 * The shard's end: begins requests in order, and answers each when it is done; one that takes long (a move of a million
 * messages) holds up no other. An unexpected error is told to `onError` and sent without its text.
 */
export function serveControl(port: MessagePort, handlers: ControlHandlers, onError: (error: unknown) => void): void {
  port.on('message', async (message: RequestMessage) => {
    try {
      const handler = handlers[message.kind] as (request: unknown) => unknown;
      port.postMessage({ id: message.id, answer: (await handler(message.request)) ?? null });
    } catch (thrown) {
      if (!(thrown instanceof BrokerError)) onError(thrown);
      const { code, message: text } = BrokerError.from(thrown);
      port.postMessage({ id: message.id, error: { code, message: text } });
    }
  });
}
