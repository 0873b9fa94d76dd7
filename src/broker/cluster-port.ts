// What main and the cluster's thread tell each other, over one MessagePort: main declares queues and asks for the
// state of the cluster; the cluster says where queues are, and carries calls of other nodes' mains.
// Lives on: types for both sides; ClusterClient on main.
import type { MessagePort } from 'node:worker_threads';
import { BrokerError, type ErrorCode } from '../base/errors.ts';
import type { QueueOptions } from '../core/queue-options.ts';
import { PortCalls } from './port-calls.ts';

/** A queue of this node's catalog. */
export interface DeclaredQueue {
  readonly number: number;
  readonly options: QueueOptions;
}

export interface MemberStatus {
  readonly node: string;
  readonly state: string;
  readonly address: string;
  readonly incarnation: number;
  /** Queues it says it runs. */
  readonly queues: number;
  /** Round trip of the control link, ms; null = not known. */
  readonly roundTripMs: number | null;
}

export interface ClusterStatus {
  readonly cluster: string;
  readonly node: string;
  readonly members: readonly MemberStatus[];
  readonly queues: { readonly here: number; readonly there: number; readonly nowhere: number };
  readonly moves: { readonly outgoing: number; readonly incoming: number; readonly done: number };
  readonly forwarded: { readonly operations: number; readonly deliveries: number; readonly resent: number };
  readonly routeRepairs: number;
  /** Queues whose owner died, since the start. */
  readonly lostQueues: readonly string[];
}

/** A queue that another number of nodes would run elsewhere. */
export interface PlannedMove {
  readonly queue: string;
  readonly from: string;
  readonly to: string;
}

/** Every request with its answer. */
export interface ClusterCalls {
  /** Joins; resolves with the port that peers are listened to on. */
  start: { request: null; answer: { port: number } };
  declare: { request: { queues: readonly DeclaredQueue[] }; answer: null };
  /** Resolves when the queue has an owner that this node can reach. */
  settled: { request: { name: string }; answer: null };
  deleted: { request: { name: string; everywhere: boolean }; answer: null };
  status: { request: null; answer: ClusterStatus };
  plan: { request: { without: string | undefined }; answer: readonly PlannedMove[] };
  /** Moves every queue away; resolves when none is left, or none can go. */
  leave: { request: { timeoutMs: number }; answer: { left: number } };
  /** Calls a method of another node's main. */
  remote: { request: { node: string; method: string; args: readonly unknown[] }; answer: unknown };
  stop: { request: null; answer: null };
}

export type ClusterCallKind = keyof ClusterCalls;

/** What the cluster tells main unasked; those with an `id` want an answer. */
export type ClusterEvent =
  | { readonly event: 'introduce'; readonly id: number; readonly options: QueueOptions }
  | { readonly event: 'place'; readonly number: number; readonly shard: number; readonly node: string }
  | { readonly event: 'deleted'; readonly name: string }
  | { readonly event: 'call'; readonly id: number; readonly method: string; readonly args: readonly unknown[] }
  | { readonly event: 'log'; readonly what: string; readonly details: Record<string, unknown> };

/** What main answers to an event with an `id`. */
export interface ClusterReply {
  readonly reply: number;
  readonly answer?: unknown;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

type Answer = { readonly id: number; readonly answer?: unknown; readonly error?: ClusterReply['error'] };

/** Main's end. */
export class ClusterClient {
  readonly #port: MessagePort;
  readonly #calls: PortCalls<Answer>;

  /** `onEvent` answers events that have an `id`. */
  constructor(port: MessagePort, onEvent: (event: ClusterEvent) => Promise<unknown> | undefined) {
    this.#port = port;
    this.#calls = new PortCalls(port, 'cluster thread');
    port.on('message', (message: Answer | ClusterEvent) => {
      if ('event' in message) this.#event(message, onEvent);
      else this.#calls.answered(message);
    });
  }

  async call<K extends ClusterCallKind>(
    kind: K,
    request: ClusterCalls[K]['request'],
  ): Promise<ClusterCalls[K]['answer']> {
    const { answer, error } = await this.#calls.ask({ kind, request });
    if (error !== undefined) throw new BrokerError(error.code, error.message);
    return answer as ClusterCalls[K]['answer'];
  }

  close(): void {
    this.#calls.close();
  }

  #event(event: ClusterEvent, onEvent: (event: ClusterEvent) => Promise<unknown> | undefined): void {
    const answer = onEvent(event);
    if (!('id' in event)) return;
    const reply = event.id;
    Promise.resolve(answer).then(
      (value) => this.#port.postMessage({ reply, answer: value } satisfies ClusterReply),
      (thrown) => {
        const { code, message } = BrokerError.from(thrown);
        this.#port.postMessage({ reply, error: { code, message } } satisfies ClusterReply);
      },
    );
  }
}
