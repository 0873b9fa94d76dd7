// Publishes that wait outside of a full queue whose policy is to block: they get in, in order, as there is room; they
// are given up when their publisher leaves, and refused when the queue is purged or deleted.
// Lives on: a shard, one per queue. Called by: Delivery and Queue.
import type { Consumer, Consumers } from './consumers.ts';
import type { Intake } from './intake.ts';
import { NO_MESSAGE, ROW_CONSUMER, ROW_EXPIRE, ROW_SEQUENCE } from './message-row.ts';
import type { MessageTable } from './message-table.ts';
import { PublishResult } from './publish-result.ts';
import type { Queue } from './queue.ts';
import type { QueueHandler } from './queue-handler.ts';
import type { Stock } from './stock.ts';

export interface GateParts {
  readonly handler: QueueHandler;
  readonly stock: Stock;
  readonly intake: Intake;
  readonly consumers: Consumers;
}

export class Gate {
  readonly #queue: Queue;
  readonly #messages: MessageTable;
  readonly #handler: QueueHandler;
  readonly #stock: Stock;
  readonly #intake: Intake;
  readonly #consumers: Consumers;

  constructor(queue: Queue, { handler, stock, intake, consumers }: GateParts) {
    this.#queue = queue;
    this.#messages = queue.messages;
    this.#handler = handler;
    this.#stock = stock;
    this.#intake = intake;
    this.#consumers = consumers;
  }

  /** Whether the first may get in: there is room, or `hasTaker` and it would go straight through. */
  isOpen(hasTaker: boolean, nowMs: number): boolean {
    const stock = this.#stock;
    if (stock.waitingCount < this.#queue.options.limit) return true;
    return stock.ready.count === 0 && hasTaker && this.#deliverAt(stock.blocked.head, nowMs) <= nowMs;
  }

  /** Lets the first one in. Its publisher is told last: that may call the queue again. */
  letIn(nowMs: number): void {
    const { ledger } = this.#queue;
    const message = this.#stock.blocked.head;
    const publish = this.#messages.double(message, ROW_SEQUENCE);
    const address = this.#take(message);
    ledger.accepted++;
    let result: number = PublishResult.accepted;
    if (this.#messages.double(message, ROW_EXPIRE) <= nowMs) {
      result = PublishResult.expired;
      ledger.expired++;
      this.#stock.destroy(message);
    } else this.#stock.enqueue(message, this.#deliverAt(message, nowMs), nowMs);
    this.#handler.unblocked(this.#queue, address, publish, result);
  }

  /** A publisher is gone: its publishes go with it, without a word. */
  giveUp(publisher: Consumer): void {
    while (publisher.blocked.head !== NO_MESSAGE) {
      const message = publisher.blocked.head;
      this.#stock.fromBlocked(message, publisher);
      this.#intake.giveUp(message);
    }
  }

  /** Refuses all that wait now, and tells their publishers. */
  refuse(result: number): void {
    const { blocked } = this.#stock;
    for (let left = blocked.length; left > 0 && blocked.head !== NO_MESSAGE; left--) {
      const message = blocked.head;
      const publish = this.#messages.double(message, ROW_SEQUENCE);
      const address = this.#take(message);
      this.#intake.giveUp(message);
      this.#handler.unblocked(this.#queue, address, publish, result);
    }
  }

  /** The message is held from now on; returns the address of its publisher. */
  #take(message: number): number {
    const publisher = this.#consumers.at(this.#messages.word(message, ROW_CONSUMER));
    this.#stock.fromBlocked(message, publisher);
    this.#consumers.forgetIdle(publisher);
    return publisher.address;
  }

  #deliverAt(message: number, nowMs: number): number {
    return this.#intake.deliverAt(this.#messages.memory(message), this.#messages.offset(message), nowMs);
  }
}
