// A doubly linked list of messages through two words of their rows. A message is in one list of its state (ready,
// delayed, in flight, blocked) and, while it is in flight, in the list of its consumer.
// Lives on: a shard, several per queue.
import { NO_MESSAGE, ROW_NEXT, ROW_PEER_NEXT, ROW_PEER_PREVIOUS, ROW_PREVIOUS } from './message-row.ts';
import type { MessageTable } from './message-table.ts';

export class MessageList {
  head = NO_MESSAGE;
  tail = NO_MESSAGE;
  length = 0;

  append(table: MessageTable, message: number): void {
    const tail = this.tail;
    table.setWord(message, ROW_NEXT, NO_MESSAGE);
    table.setWord(message, ROW_PREVIOUS, tail);
    if (tail === NO_MESSAGE) this.head = message;
    else table.setWord(tail, ROW_NEXT, message);
    this.tail = message;
    this.length++;
  }

  /** Puts `message` in front of `before`, which is in the list. */
  insertBefore(table: MessageTable, before: number, message: number): void {
    const previous = table.word(before, ROW_PREVIOUS);
    table.setWord(message, ROW_NEXT, before);
    table.setWord(message, ROW_PREVIOUS, previous);
    table.setWord(before, ROW_PREVIOUS, message);
    if (previous === NO_MESSAGE) this.head = message;
    else table.setWord(previous, ROW_NEXT, message);
    this.length++;
  }

  remove(table: MessageTable, message: number): void {
    const next = table.word(message, ROW_NEXT);
    const previous = table.word(message, ROW_PREVIOUS);
    if (previous === NO_MESSAGE) this.head = next;
    else table.setWord(previous, ROW_NEXT, next);
    if (next === NO_MESSAGE) this.tail = previous;
    else table.setWord(next, ROW_PREVIOUS, previous);
    this.length--;
  }
}

/** The messages one consumer has in flight, in order of delivery. */
export class PeerList {
  head = NO_MESSAGE;
  tail = NO_MESSAGE;
  length = 0;

  append(table: MessageTable, message: number): void {
    const tail = this.tail;
    table.setWord(message, ROW_PEER_NEXT, NO_MESSAGE);
    table.setWord(message, ROW_PEER_PREVIOUS, tail);
    if (tail === NO_MESSAGE) this.head = message;
    else table.setWord(tail, ROW_PEER_NEXT, message);
    this.tail = message;
    this.length++;
  }

  remove(table: MessageTable, message: number): void {
    const next = table.word(message, ROW_PEER_NEXT);
    const previous = table.word(message, ROW_PEER_PREVIOUS);
    if (previous === NO_MESSAGE) this.head = next;
    else table.setWord(previous, ROW_PEER_NEXT, next);
    if (next === NO_MESSAGE) this.tail = previous;
    else table.setWord(next, ROW_PEER_PREVIOUS, previous);
    this.length--;
  }
}
