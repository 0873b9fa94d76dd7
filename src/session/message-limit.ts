// The largest Message that a publisher may send: so much smaller than the largest gRPC message of the node that it
// still fits one when it is delivered, with its meta. Without the difference a message could be taken that a client
// with the same limit can never receive, and that ends each of its consumers.
// Lives on: a shard, one for all its sessions.
import { DELIVERY_OVERHEAD_BYTES_MAX } from '../base/limits.ts';

export interface MessageLimitOptions {
  /** Largest gRPC message of the node, both ways. */
  readonly messageBytesMax: number;
  /** Counts a publish that was refused here: no queue and no broker hears of it. */
  readonly onRefused: () => void;
}

export class MessageLimit {
  readonly bytesMax: number;
  readonly #onRefused: () => void;

  constructor(options: MessageLimitOptions) {
    this.bytesMax = options.messageBytesMax - DELIVERY_OVERHEAD_BYTES_MAX;
    this.#onRefused = options.onRefused;
  }

  /** Why a Message of that many bytes is refused; empty when it is not. A refusal is counted. */
  refusal(bytes: number): string {
    if (bytes <= this.bytesMax) return '';
    this.#onRefused();
    return `Cannot publish: received a message of ${bytes} bytes, at most ${this.bytesMax} are allowed`;
  }
}
