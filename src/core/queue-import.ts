// Builds a queue's state from its image (queue-image.ts), chunk after chunk: what was ready is ready in its old place,
// what was in flight stays with its consumer, times go on from where they were.
// Lives on: a shard. Called by: whoever adopts a queue, with Queue.importer().
import { BrokerError } from '../base/errors.ts';
import type { Consumer } from './consumers.ts';
import { State, TAG_FETCHED, TAG_INDEXED, TAG_STATE_MASK } from './message-row.ts';
import type { QueueParts } from './queue-export.ts';
import { type ImageItem, ImageKind, imageItems, type QueueImageHead } from './queue-image.ts';
import { type RecordMemory, tagsPriority, WORD_TAGS } from './record.ts';

export class QueueImport {
  readonly #parts: QueueParts;
  readonly #addressOf: (address: number) => number;
  readonly #nowMs: number;
  readonly #subscribed: { readonly consumer: Consumer; readonly prefetch: number }[] = [];
  #items = 0;

  /** `addressOf` gives the address by which a session is known here. */
  constructor(parts: QueueParts, addressOf: (address: number) => number, nowMs: number) {
    this.#parts = parts;
    this.#addressOf = addressOf;
    this.#nowMs = nowMs;
  }

  /** Takes the chunk at `offset`; true when it was the last one: Queue.serve() comes next. */
  add(memory: RecordMemory, offset: number): boolean {
    for (const item of imageItems(memory, offset)) {
      if (item.kind === ImageKind.end) {
        this.#end(item.a);
        return true;
      }
      this.#items++;
      this.#take(item);
    }
    return false;
  }

  #take(item: ImageItem): void {
    switch (item.kind) {
      case ImageKind.head:
        this.#head(item);
        return;
      case ImageKind.consumer:
        this.#consumer(item);
        return;
      case ImageKind.fetch:
        this.#parts.delivery.restoreFetch(this.#consumerOf(item.a), item.b, item.c, item.d !== 0, this.#nowMs);
        return;
      case ImageKind.message:
        this.#message(item);
        return;
      case ImageKind.dedup:
        this.#parts.intake.restoreDedup(text(item, 'latin1'), this.#nowMs + item.a);
        return;
      default:
        throw new BrokerError('internal', `Cannot read the image of a queue: received an item of kind ${item.kind}`);
    }
  }

  #head(item: ImageItem): void {
    const { queue, stock, delivery } = this.#parts;
    const head = JSON.parse(text(item, 'utf8')) as QueueImageHead;
    stock.ready.nextSequence = head.nextSequence;
    delivery.paused = head.paused;
    delivery.activeMs = this.#nowMs - head.idleMs;
    queue.ledger.restore(head.ledger);
  }

  #consumer({ a: address, b: prefetch, c: subscribed }: ImageItem): void {
    const consumer = this.#consumerOf(address);
    if (subscribed !== 0) this.#subscribed.push({ consumer, prefetch });
  }

  #message(item: ImageItem): void {
    const { stock, queue } = this.#parts;
    const { memory, at } = item;
    const tags = memory.words[at >> 2];
    const record = at + 8;
    const priority = tagsPriority(memory.words[(record >> 2) + WORD_TAGS]);
    const message = stock.create(memory, record, priority, this.#nowMs + item.c);
    stock.restoreTags(message, tags);
    switch (tags & TAG_STATE_MASK) {
      case State.ready:
        if ((tags & TAG_INDEXED) !== 0) queue.messages.index(message);
        stock.restoreReady(message, item.a);
        return;
      case State.delayed:
        stock.toDelayed(message, this.#nowMs + item.b);
        return;
      case State.inFlight:
        this.#inFlight(message, item, (tags & TAG_FETCHED) !== 0);
        return;
      case State.blocked:
        stock.toBlocked(message, this.#consumerOf(item.d), item.a);
        return;
      default:
        throw new BrokerError('internal', `Cannot read the image of a queue: received a message in state ${tags & 7}`);
    }
  }

  #inFlight(message: number, item: ImageItem, fetched: boolean): void {
    const consumer = this.#consumerOf(item.d);
    this.#parts.stock.restoreSequence(message, item.a);
    this.#parts.stock.toInFlight(message, consumer, this.#nowMs + item.b, fetched);
    if (!fetched) consumer.used++;
  }

  #consumerOf(address: number): Consumer {
    return this.#parts.delivery.consumers.obtain(this.#addressOf(address));
  }

  #end(items: number): void {
    if (items !== this.#items) {
      const received = `received ${this.#items} items, expected ${items}`;
      throw new BrokerError('internal', `Cannot read the image of a queue: ${received}`);
    }
    const { delivery } = this.#parts;
    for (const { consumer, prefetch } of this.#subscribed) delivery.consumers.subscribe(consumer, prefetch);
  }
}

function text({ memory, at, dataBytes }: ImageItem, encoding: 'latin1' | 'utf8'): string {
  return memory.bytes.toString(encoding, at, at + dataBytes);
}
