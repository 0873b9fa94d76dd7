// Why a session does not read from its client right now. It reads again when no reason is left.
// Lives on: a shard, one for each session.
import type { GrpcCall } from '../wire/grpc/method.ts';

/** One bit a reason. */
const BIT = { unconfirmed: 1, rings: 2, output: 4 } as const;

export type PauseReason = keyof typeof BIT;

export class PauseReasons {
  readonly #call: Pick<GrpcCall, 'pause' | 'resume'>;
  #bits = 0;

  constructor(call: Pick<GrpcCall, 'pause' | 'resume'>) {
    this.#call = call;
  }

  set(reason: PauseReason): void {
    if (this.#bits === 0) this.#call.pause();
    this.#bits |= BIT[reason];
  }

  clear(reason: PauseReason): void {
    if ((this.#bits & BIT[reason]) === 0) return;
    this.#bits &= ~BIT[reason];
    if (this.#bits === 0) this.#call.resume();
  }
}
