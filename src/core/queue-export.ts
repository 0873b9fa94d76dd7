// Writes a queue's image (queue-image.ts): who takes from it, every message with its place, state and times, the
// deduplication window, the ledger. The queue itself is not changed.
// Lives on: a shard. Called by: Queue.export().
import type { Delivery } from './delivery.ts';
import type { Intake } from './intake.ts';
import {
  NO_MESSAGE,
  ROW_CONSUMER,
  ROW_DUE,
  ROW_EXPIRE,
  ROW_NEXT,
  ROW_SEQUENCE,
  ROW_TAGS,
  State,
} from './message-row.ts';
import type { MessageTable } from './message-table.ts';
import type { Queue } from './queue.ts';
import { ImageKind, type ImageWriter } from './queue-image.ts';
import { copyRecord, WORD_SIZE } from './record.ts';
import type { Stock } from './stock.ts';

export interface QueueParts {
  readonly queue: Queue;
  readonly stock: Stock;
  readonly intake: Intake;
  readonly delivery: Delivery;
}

/** Writes the image step by step, some items each, so that the writer's way may be waited for in between. */
export function* exportQueue(parts: QueueParts, writer: ImageWriter, nowMs: number): Generator<undefined> {
  writeHead(parts, writer, nowMs);
  writeTakers(parts, writer, nowMs);
  yield* writeMessages(parts, writer, nowMs);
  for (const [id, forgetAtMs] of parts.intake.dedupEntries()) {
    const at = writer.item(ImageKind.dedup, [forgetAtMs - nowMs, 0, 0, 0], id.length);
    writer.memory.bytes.write(id, at, 'latin1');
    yield;
  }
  writer.end();
}

function writeHead({ queue, stock, delivery }: QueueParts, writer: ImageWriter, nowMs: number): void {
  writer.head({
    options: queue.options,
    paused: delivery.paused,
    idleMs: nowMs - delivery.activeMs,
    nextSequence: stock.ready.nextSequence,
    ledger: { ...queue.ledger },
  });
}

function writeTakers({ delivery }: QueueParts, writer: ImageWriter, nowMs: number): void {
  for (const consumer of delivery.consumers) {
    const { address, prefetch, subscribed } = consumer;
    writer.item(ImageKind.consumer, [address, prefetch, Number(subscribed), 0], 0);
  }
  for (const { consumer, fetch, dueMs, autoack } of delivery.fetches.inOrder()) {
    const remainingMs = dueMs === 0 ? 0 : Math.max(1, dueMs - nowMs);
    writer.item(ImageKind.fetch, [consumer.address, fetch, remainingMs, Number(autoack)], 0);
  }
}

function* writeMessages(
  { queue, stock, delivery }: QueueParts,
  writer: ImageWriter,
  nowMs: number,
): Generator<undefined> {
  const { messages } = queue;
  const { ready } = stock;
  for (let at = ready.first; at !== NO_MESSAGE; at = ready.after(at)) {
    writeMessage(messages, writer, at, { nowMs });
    yield;
  }
  for (const list of [stock.delayed, stock.inFlight, stock.blocked]) {
    for (let at = list.head; at !== NO_MESSAGE; at = messages.word(at, ROW_NEXT)) {
      const taken = messages.state(at) === State.inFlight || messages.state(at) === State.blocked;
      const address = taken ? delivery.consumers.at(messages.word(at, ROW_CONSUMER)).address : -1;
      writeMessage(messages, writer, at, { nowMs, address });
      yield;
    }
  }
}

function writeMessage(
  messages: MessageTable,
  writer: ImageWriter,
  message: number,
  { nowMs, address = -1 }: { nowMs: number; address?: number },
): void {
  const source = messages.memory(message);
  const offset = messages.offset(message);
  const recordBytes = source.words[(offset >> 2) + WORD_SIZE];
  const numbers = [
    messages.double(message, ROW_SEQUENCE),
    messages.double(message, ROW_DUE) - nowMs,
    messages.double(message, ROW_EXPIRE) - nowMs,
    address,
  ] as const;
  const at = writer.item(ImageKind.message, [...numbers], 8 + recordBytes);
  writer.memory.words[at >> 2] = messages.word(message, ROW_TAGS);
  copyRecord(writer.memory, at + 8, source, offset);
}
