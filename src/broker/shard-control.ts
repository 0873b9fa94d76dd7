// Carries out what main asks about queues on one shard: make, delete, look into, pause. Sessions and doors are the
// business of shard.ts, which adds those requests.
// Lives on: a shard, one. Called by: serveControl().
import { BrokerError } from '../base/errors.ts';
import { uuidText } from '../base/uuid.ts';
import { Queue, type QueueShared } from '../core/queue.ts';
import {
  bodyOffset,
  bodySize,
  DOUBLE_PUBLISH_MS,
  RECORD_HEADER_BYTES,
  tagsFormat,
  tagsPriority,
  topicSize,
  WORD_ID,
  WORD_TAGS,
} from '../core/record.ts';
import type { QueuePlacement } from './control.ts';
import type { PeekedRecord } from './node-view.ts';
import type { RoutingTable, ShardQueueRoute } from './routing-table.ts';
import type { ShardBroker } from './shard-broker.ts';
import type { QueueSnapshot } from './snapshots.ts';

export interface ShardControlOptions {
  readonly self: number;
  readonly broker: ShardBroker;
  readonly routes: RoutingTable;
  readonly shared: QueueShared;
  /** Encodes what a queue's messages say of their origin, in hsmq's meta. */
  readonly metaSuffix: (queue: string, shard: number) => Buffer;
}

export class ShardControl {
  readonly #options: ShardControlOptions;

  constructor(options: ShardControlOptions) {
    this.#options = options;
  }

  create(placements: readonly QueuePlacement[]): null {
    const { self, routes, shared, broker, metaSuffix } = this.#options;
    for (const { number, shard, options } of placements) {
      routes.add({
        number,
        shard,
        name: options.name,
        topics: options.topics,
        prefetchCount: options.prefetchCount,
        metaSuffix: metaSuffix(options.name, shard),
        actor: shard === self ? new Queue(number, options, shared, broker.nowMs()) : undefined,
      });
    }
    return null;
  }

  /** Takes the queue out of the routes; its owner closes it. With `ifEmpty` the owner refuses while it holds messages. */
  delete(number: number, ifEmpty: boolean): { purged: number } {
    const { routes, broker } = this.#options;
    const actor = routes.number(number)?.actor;
    const held = actor === undefined ? 0 : actor.readyCount + actor.delayedCount + actor.inFlightCount;
    if (ifEmpty && held > 0) {
      throw new BrokerError('failed-precondition', `Cannot delete queue "${actor?.name}": it holds ${held} messages`);
    }
    const route = routes.remove(number);
    if (route === undefined) return { purged: 0 };
    for (const session of broker.sessions.usersOf(route)) session.queueDeleted(route);
    return { purged: route.actor?.close(broker.nowMs()) ?? 0 };
  }

  purge(number: number): { purged: number } {
    return { purged: this.#actor(number).purge(this.#options.broker.nowMs()) };
  }

  pause(number: number): null {
    this.#actor(number).pause();
    return null;
  }

  resume(number: number): null {
    this.#actor(number).resume(this.#options.broker.nowMs());
    return null;
  }

  peek(number: number, limit: number): PeekedRecord[] {
    const queue = this.#actor(number);
    const peeked: PeekedRecord[] = [];
    queue.peek(limit, (message, state) => peeked.push(peekedRecord(queue, message, state)));
    return peeked;
  }

  requeue(number: number, to: string | undefined): { moved: number } {
    const { broker } = this.#options;
    const queue = this.#actor(number);
    if (to === undefined) return { moved: queue.requeueInFlight(broker.nowMs()) };
    const visit = (message: number): boolean =>
      broker.transfer(to, queue.messages.memory(message), queue.messages.offset(message));
    return { moved: queue.takeReady(Number.MAX_SAFE_INTEGER, visit, broker.nowMs()) };
  }

  queues(numbers: readonly number[] | undefined): QueueSnapshot[] {
    const actors =
      numbers === undefined ? [...this.#options.routes.local()] : numbers.map((number) => this.#actor(number));
    return actors.map(queueSnapshot);
  }

  /** Messages that a draining node would still deliver: all but those whose time has not come. */
  pendingMessages(): number {
    let messages = 0;
    for (const queue of this.#options.routes.local()) messages += queue.readyCount + queue.inFlightCount;
    return messages;
  }

  #actor(number: number): Queue {
    const route: ShardQueueRoute | undefined = this.#options.routes.number(number);
    if (route?.actor === undefined) throw new BrokerError('not-found', 'The queue was deleted');
    return route.actor;
  }
}

function queueSnapshot(queue: Queue): QueueSnapshot {
  return {
    number: queue.number,
    ledger: queue.counts(),
    consumers: queue.consumerCount,
    fetches: queue.fetchCount,
    blocked: queue.blockedCount,
    bytes: queue.bytes,
    paused: queue.paused,
  };
}

function peekedRecord(queue: Queue, message: number, state: string): PeekedRecord {
  const memory = queue.messages.memory(message);
  const offset = queue.messages.offset(message);
  const tags = memory.words[(offset >> 2) + WORD_TAGS];
  const topicAt = offset + RECORD_HEADER_BYTES;
  const body = bodyOffset(memory, offset);
  return {
    id: uuidText(memory.words, (offset >> 2) + WORD_ID),
    topic: memory.bytes.toString('utf8', topicAt, topicAt + topicSize(memory, offset)),
    format: tagsFormat(tags),
    priority: tagsPriority(tags),
    attempts: tags >>> 24,
    publishMs: memory.doubles[(offset >> 3) + DOUBLE_PUBLISH_MS],
    state,
    body: Buffer.from(memory.bytes.subarray(body, body + bodySize(memory, offset))),
  };
}
