// Messages on their way to a queue of another shard: dead letters, and those an operator moves. Each stays in its own
// queue until the other one has answered, so that a refusal loses nothing. A bounded number is under way; the others
// wait for their turn, and for room in the ring.
// Lives on: a shard, one, inside its broker.
import { TRANSFERS_MAX } from '../base/limits.ts';
import type { Queue } from '../core/queue.ts';
import { Operation, TRANSFER_SESSION } from './operation.ts';
import type { PeerTraffic } from './peer-traffic.ts';
import type { ShardQueueRoute } from './routing-table.ts';

interface Transfer {
  readonly queue: Queue;
  readonly message: number;
  readonly target: ShardQueueRoute;
  readonly onAnswer: ((taken: boolean) => void) | undefined;
}

export class Transfers {
  readonly #traffic: PeerTraffic;
  /** Under way, by the number that the answer will carry. */
  readonly #sent = new Map<number, Transfer>();
  /** Not sent yet, oldest first, by the shard they go to. */
  readonly #waiting = new Map<number, Set<Transfer>>();
  #next = 0;

  constructor(traffic: PeerTraffic) {
    this.#traffic = traffic;
  }

  start(queue: Queue, message: number, target: ShardQueueRoute, onAnswer?: (taken: boolean) => void): void {
    const waiting = this.#waiting.get(target.shard) ?? new Set();
    this.#waiting.set(target.shard, waiting.add({ queue, message, target, onAnswer }));
    this.room(target.shard);
  }

  /** The target has answered the transfer of this number. */
  answered(number: number, taken: boolean, nowMs: number): void {
    const transfer = this.#sent.get(number);
    if (transfer === undefined) return;
    this.#sent.delete(number);
    transfer.queue.transferred(transfer.message, taken, nowMs);
    transfer.onAnswer?.(taken);
    for (const shard of this.#waiting.keys()) this.room(shard);
  }

  /** Sends what may be sent to that shard. */
  room(shard: number): void {
    const waiting = this.#waiting.get(shard);
    if (waiting === undefined) return;
    for (const transfer of waiting) {
      if (this.#sent.size >= TRANSFERS_MAX || !this.#traffic.hasRoom(shard)) return;
      waiting.delete(transfer);
      this.#send(transfer);
    }
    this.#waiting.delete(shard);
  }

  /** The queue was deleted: what it still had is gone with it, and answers find nothing. */
  forget(queue: Queue): void {
    const gone = (transfer: Transfer): boolean => {
      if (transfer.queue !== queue) return false;
      transfer.onAnswer?.(false);
      return true;
    };
    for (const [number, transfer] of this.#sent) if (gone(transfer)) this.#sent.delete(number);
    for (const waiting of this.#waiting.values()) {
      for (const transfer of waiting) if (gone(transfer)) waiting.delete(transfer);
    }
  }

  #send(transfer: Transfer): void {
    const { queue, message, target } = transfer;
    const number = this.#next;
    this.#next = (number + 1) & 0x7fffffff;
    this.#sent.set(number, transfer);
    const { messages } = queue;
    const [memory, offset] = [messages.memory(message), messages.offset(message)];
    this.#traffic.postRecord(target.shard, Operation.publish, target.number, TRANSFER_SESSION, number, memory, offset);
  }
}
