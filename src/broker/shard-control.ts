// Carries out what main asks about queues on one shard: make, delete, look into, pause. Sessions and doors are the
// business of shard.ts, which adds those requests.
// Lives on: a shard, one. Called by: serveControl().
import { BrokerError } from '../base/errors.ts';
import { uuidText } from '../base/uuid.ts';
import { Queue } from '../core/queue.ts';
import type { QueueShared } from '../core/queue-handler.ts';
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
import type { DeleteCondition, QueuePlacement } from './control.ts';
import { moveReady } from './mover.ts';
import type { PeekedMessage } from './node-view.ts';
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
        held: undefined,
      });
    }
    return null;
  }

  /** Takes the queue out of the routes; its owner closes it, unless the condition does not hold. */
  delete(number: number, only: DeleteCondition): { purged: number } {
    const { routes, broker } = this.#options;
    const actor = routes.number(number)?.actor;
    if (actor !== undefined) checkDelete(actor, only, broker.nowMs());
    const route = routes.remove(number);
    if (route === undefined) return { purged: 0 };
    for (const session of broker.sessions.forget(route)) session.queueDeleted(route);
    if (route.actor === undefined) return { purged: 0 };
    broker.forget(route.actor);
    return { purged: route.actor.close(broker.nowMs()) };
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

  peek(number: number, limit: number): PeekedMessage[] {
    const queue = this.#actor(number);
    const peeked: PeekedMessage[] = [];
    queue.peek(limit, (message, state) => peeked.push(peekedMessage(queue, message, state)));
    return peeked;
  }

  async requeue(number: number, to: string | undefined): Promise<{ moved: number }> {
    const { broker } = this.#options;
    const queue = this.#actor(number);
    return { moved: to === undefined ? queue.requeueInFlight(broker.nowMs()) : await moveReady(broker, queue, to) };
  }

  queues(numbers: readonly number[] | undefined): QueueSnapshot[] {
    if (numbers === undefined) return [...this.#options.routes.local()].map(queueSnapshot);
    // One that was deleted since main looked is left out.
    return numbers.flatMap((number) => {
      const actor = this.#options.routes.number(number)?.actor;
      return actor === undefined ? [] : [queueSnapshot(actor)];
    });
  }

  /** Messages that a draining node would still deliver: all but those whose time has not come. */
  pendingMessages(): number {
    let messages = 0;
    for (const queue of this.#options.routes.local()) {
      messages += queue.readyCount + queue.inFlightCount + queue.blockedCount;
    }
    return messages;
  }

  #actor(number: number): Queue {
    const route: ShardQueueRoute | undefined = this.#options.routes.number(number);
    if (route?.actor === undefined) throw new BrokerError('not-found', 'The queue was deleted');
    return route.actor;
  }
}

function checkDelete(queue: Queue, only: DeleteCondition, nowMs: number): void {
  const held = queue.readyCount + queue.delayedCount + queue.inFlightCount;
  const users = queue.consumerCount + queue.fetchCount;
  if (only === 'if-empty' && held > 0) {
    throw new BrokerError('failed-precondition', `Cannot delete queue "${queue.name}": it holds ${held} messages`);
  }
  if (only === 'if-idle' && !queue.isIdle(nowMs)) {
    throw new BrokerError('failed-precondition', `Cannot delete queue "${queue.name}": it was used meanwhile`);
  }
  if (only === 'if-unused' && users > 0) {
    throw new BrokerError('failed-precondition', `Cannot delete queue "${queue.name}": it has ${users} consumers`);
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

function peekedMessage(queue: Queue, message: number, state: string): PeekedMessage {
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
