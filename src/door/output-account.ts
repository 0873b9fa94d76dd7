// What the calls of a shard have to say and their clients have not taken: summed per connection and for the shard.
//
//   bytes:  0 ... low ..... high ..................... grants ............. max
//                 relaxed   calls above a small share  nobody drained is    calls above that share are ended
//                 again     of it are held             let on beyond
//
// One call's own marks do not bound a thousand of them. Above a high mark (until the low one) the sum is pressed: calls
// with more than their share are held. A held call that has drained is let on in its turn: first come first served on
// a connection, one after the other between connections, and only as long as what it is likely to fetch still fits.
// That may come from another shard, later than the sum could tell: it is granted, and the grant is forgotten after
// a while. Calls that say little are never held, whatever others do. Lives on a shard thread; response streams call it.
import type { GrpcLimits } from './grpc-serving.ts';
import type { GrpcStats } from './grpc-stats.ts';

/** A call as the account sees it. */
export interface AccountedCall {
  /** Output of its own, counted here. */
  readonly pendingBytes: number;
  /** The most it had to say when it was held last: what it is likely to fetch when it is let on. */
  readonly burstBytes: number;
  /** It is held no longer. */
  letOn(): void;
}

/** One a door. The sum itself is `stats.outputBytes`. */
export class ShardOutput {
  readonly limits: GrpcLimits;
  readonly stats: GrpcStats;
  readonly #grantsMax: number;
  /** Connections with held calls. */
  readonly #holding = new Set<ConnectionOutput>();
  /** Those of them with calls to let on, in the order of their turns. */
  readonly #waiting = new Set<ConnectionOutput>();
  #pressed = false;
  #grantedBytes = 0;
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: GrpcLimits, stats: GrpcStats) {
    this.limits = limits;
    this.stats = stats;
    this.#grantsMax = grantsMax(limits.shardOutputHighBytes, limits.shardOutputBytesMax);
  }

  get pressed(): boolean {
    return this.#pressed;
  }

  get overflowing(): boolean {
    return this.stats.outputBytes > this.limits.shardOutputBytesMax;
  }

  /** Grants of an earlier turn are void. */
  get turn(): number {
    return this.#turn;
  }

  count(delta: number): void {
    const { stats, limits } = this;
    stats.outputBytes += delta;
    if (delta > 0) {
      if (stats.outputBytes > limits.shardOutputHighBytes) this.#pressed = true;
      return;
    }
    if (this.#pressed && stats.outputBytes < limits.shardOutputLowBytes) {
      this.#pressed = false;
      for (const connection of this.#holding) connection.relax();
    }
    if (this.#waiting.size > 0) this.#serveSoon();
  }

  /** What became of the held calls of a connection. */
  update(connection: ConnectionOutput): void {
    if (connection.heldCalls > 0) this.#holding.add(connection);
    else this.#holding.delete(connection);
    if (connection.waitingCalls === 0) {
      this.#waiting.delete(connection);
    } else if (!this.#waiting.has(connection)) {
      this.#waiting.add(connection);
      this.#serveSoon();
    }
  }

  /** Whether a call of this connection may go on now, without passing anybody. */
  admits(connection: ConnectionOutput): boolean {
    return this.#waiting.size === 0 && this.#hasRoom() && connection.hasRoom();
  }

  grant(bytes: number): void {
    this.#grantedBytes += bytes;
    this.#serveSoon();
  }

  #hasRoom(): boolean {
    return this.stats.outputBytes + this.#grantedBytes < this.#grantsMax;
  }

  #serveSoon(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#serve(), this.limits.outputGrantMs);
    this.#timer.unref();
  }

  /** Lets one call on of each connection in turn. One goes on even when there is no room: others may never read. */
  #serve(): void {
    this.#timer = undefined;
    this.#turn++;
    this.#grantedBytes = 0;
    let served = 0;
    // A connection that has further calls goes to the end of the set, and is met there again.
    for (const connection of this.#waiting) {
      if (served > 0 && !this.#hasRoom()) break;
      if (!connection.hasRoom()) continue;
      this.#waiting.delete(connection);
      if (connection.serve()) served++;
      this.update(connection);
    }
  }
}

/** One a connection. */
export class ConnectionOutput {
  readonly #shard: ShardOutput;
  readonly #limits: GrpcLimits;
  readonly #grantsMax: number;
  readonly #held = new Set<AccountedCall>();
  /** Those of the held calls that have drained. */
  readonly #waiting = new Set<AccountedCall>();
  #bytes = 0;
  #pressed = false;
  #grantedBytes = 0;
  #grantTurn = 0;

  constructor(shard: ShardOutput) {
    this.#shard = shard;
    this.#limits = shard.limits;
    this.#grantsMax = grantsMax(shard.limits.connectionOutputHighBytes, shard.limits.connectionOutputBytesMax);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get heldCalls(): number {
    return this.#held.size;
  }

  get waitingCalls(): number {
    return this.#waiting.size;
  }

  /** What a call may have to say before it is held. */
  get holdAboveBytes(): number {
    return this.#isPressed() ? this.#limits.outputShareBytes : this.#limits.outputHighBytes;
  }

  /** A call with more than its share must end. */
  get overflowing(): boolean {
    return this.#bytes > this.#limits.connectionOutputBytesMax || this.#shard.overflowing;
  }

  /** The output of one call has changed. Hot: called for each message. */
  count(delta: number): void {
    this.#bytes += delta;
    if (delta > 0) {
      if (this.#bytes > this.#limits.connectionOutputHighBytes) this.#pressed = true;
    } else if (this.#pressed && this.#bytes < this.#limits.connectionOutputLowBytes) {
      this.#pressed = false;
      this.relax();
    }
    this.#shard.count(delta);
  }

  hold(call: AccountedCall): void {
    this.#held.add(call);
    this.#shard.update(this);
  }

  /** A held call has written: it is let on, at once or in its turn, if little enough is left. */
  written(call: AccountedCall): void {
    if (!this.#isDrained(call)) return;
    if (this.#shard.admits(this)) {
      this.#letOn(call);
    } else {
      this.#waiting.add(call);
    }
    this.#shard.update(this);
  }

  /** A held call says no more. */
  forget(call: AccountedCall): void {
    this.#held.delete(call);
    this.#waiting.delete(call);
    this.#shard.update(this);
  }

  /** A sum is pressed no longer: what was more than a share of it may now be little. */
  relax(): void {
    for (const call of this.#held) if (this.#isDrained(call)) this.#waiting.add(call);
    this.#shard.update(this);
  }

  hasRoom(): boolean {
    const granted = this.#grantTurn === this.#shard.turn ? this.#grantedBytes : 0;
    return this.#bytes + granted < this.#grantsMax;
  }

  /** Lets the first waiting call on, if it is still drained; else it comes again when it has written. */
  serve(): boolean {
    for (const call of this.#waiting) {
      this.#waiting.delete(call);
      if (!this.#isDrained(call)) continue;
      this.#letOn(call);
      return true;
    }
    return false;
  }

  #letOn(call: AccountedCall): void {
    this.#held.delete(call);
    this.#waiting.delete(call);
    const burst = Math.max(call.burstBytes, this.#limits.outputHighBytes);
    const before = this.#bytes;
    call.letOn();
    // What came at once is in the sum already.
    const granted = Math.max(0, burst - Math.max(0, this.#bytes - before));
    if (this.#grantTurn !== this.#shard.turn) this.#grantedBytes = 0;
    this.#grantTurn = this.#shard.turn;
    this.#grantedBytes += granted;
    this.#shard.grant(granted);
  }

  #isDrained(call: AccountedCall): boolean {
    return call.pendingBytes < (this.#isPressed() ? this.#limits.outputShareBytes : this.#limits.outputLowBytes);
  }

  #isPressed(): boolean {
    return this.#pressed || this.#shard.pressed;
  }
}

/** Half of what is left above the high mark: the other half is for what comes unasked. */
function grantsMax(highBytes: number, bytesMax: number): number {
  return (highBytes + bytesMax) / 2;
}
