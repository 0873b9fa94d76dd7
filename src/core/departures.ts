// Messages that go to another queue: dead letters, and those an operator moves. Such a queue may live on another shard
// and answer later: the message then stays here, leaving, until it is known whether it was taken.
//
//   handAway, bury -> taken -> destroyed       refused -> back to ready, or dropped when dead
//                  -> later -> leaving -> transferred()
//
// Lives on: a shard, one per queue. Called by: Delivery and Queue.
import type { Delivery } from './delivery.ts';
import { ROW_TAGS, TAG_DEAD } from './message-row.ts';
import type { MessageTable } from './message-table.ts';
import type { Queue } from './queue.ts';
import type { QueueHandler, TransferAnswer } from './queue-handler.ts';
import { DOUBLE_DELIVER_AT_MS, DOUBLE_EXPIRE_AT_MS, TAG_MOVED, WORD_TAGS } from './record.ts';
import type { Stock } from './stock.ts';

export class Departures {
  readonly #queue: Queue;
  readonly #messages: MessageTable;
  readonly #handler: QueueHandler;
  readonly #stock: Stock;
  readonly #delivery: Delivery;
  /** Messages that are being handed over in this very call. */
  #handing = 0;

  constructor(queue: Queue, parts: { handler: QueueHandler; stock: Stock; delivery: Delivery }) {
    this.#queue = queue;
    this.#messages = queue.messages;
    this.#handler = parts.handler;
    this.#stock = parts.stock;
    this.#delivery = parts.delivery;
  }

  /** Messages that other queues are having. */
  get count(): number {
    return this.#stock.leaving.length + this.#handing;
  }

  /** Hands a held message, which is to be ready, to `visit`; false when it stays. */
  handAway(message: number, visit: (message: number) => TransferAnswer): boolean {
    this.#markMoved(message);
    this.#handing++;
    const answer = visit(message);
    this.#handing--;
    if (answer === 'later') this.#stock.toLeaving(message, false);
    else this.#moved(message, answer === 'taken');
    return answer !== 'refused';
  }

  /** A held message was delivered too often: another queue takes it, or nobody. */
  bury(message: number): void {
    const { options, name } = this.#queue;
    let answer: TransferAnswer = 'refused';
    if (options.deadLetterQueue !== '' && options.deadLetterQueue !== name) answer = this.#toDeadLetters(message);
    if (answer === 'later') this.#stock.toLeaving(message, true);
    else this.#buried(message, answer === 'taken');
  }

  /** The answer to a message that was leaving. */
  transferred(message: number, taken: boolean): void {
    const dead = (this.#messages.word(message, ROW_TAGS) & TAG_DEAD) !== 0;
    this.#stock.hold(message);
    if (dead) this.#buried(message, taken);
    else this.#moved(message, taken);
  }

  #toDeadLetters(message: number): TransferAnswer {
    this.#markMoved(message);
    const memory = this.#messages.memory(message);
    const double = this.#messages.offset(message) >> 3;
    // A dead letter is kept for somebody to look at: its times were those of this queue's consumers.
    memory.doubles[double + DOUBLE_EXPIRE_AT_MS] = 0;
    memory.doubles[double + DOUBLE_DELIVER_AT_MS] = 0;
    this.#stock.forgetId(message);
    this.#handing++;
    const answer = this.#delivery.quietly(() => this.#handler.deadLetter(this.#queue, message, 'max-deliveries'));
    this.#handing--;
    return answer;
  }

  #moved(message: number, taken: boolean): void {
    if (taken) {
      this.#queue.ledger.moved++;
      this.#stock.destroy(message);
    } else this.#stock.backToReady(message);
  }

  #buried(message: number, taken: boolean): void {
    const { ledger } = this.#queue;
    if (taken) ledger.deadLettered++;
    else ledger.droppedMaxDeliveries++;
    this.#stock.destroy(message);
  }

  /** Tells the dedup window of the queue it goes to that this is no new publish. */
  #markMoved(message: number): void {
    this.#messages.memory(message).words[(this.#messages.offset(message) >> 2) + WORD_TAGS] |= TAG_MOVED;
  }
}
