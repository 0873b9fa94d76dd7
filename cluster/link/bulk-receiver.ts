// The receiving end of a stream of batches. It takes each number once, in order: what comes again after a reconnect is
// known by its number and let go. It raises the sender's limit as its consumer takes batches, by a quarter of the
// window at a time, so that a consumer that stops stops the sender at the other end and nothing piles up between.
// Pure. Called by: peer.ts.
import { LINK_LIMITS } from '../limits.ts';
import { chargeOf } from './batch.ts';
import { LinkError } from './link-error.ts';

export class BulkReceiver {
  /** Which start of the peer, and which of its streams, this is the end of. */
  readonly incarnation: number;
  readonly stream: number;
  readonly #window: number;
  #received = 0;
  #receivedCharge = 0;
  #takenCharge = 0;
  #toldReceived = 0;
  #toldLimit: number;
  duplicates = 0;

  constructor(options: { incarnation: number; stream: number; windowBytes?: number }) {
    this.incarnation = options.incarnation;
    this.stream = options.stream;
    this.#window = options.windowBytes ?? LINK_LIMITS.windowBytes;
    this.#toldLimit = this.#window;
  }

  get received(): number {
    return this.#received;
  }

  /** Bytes that came in and were not taken yet. */
  get waitingBytes(): number {
    return this.#receivedCharge - this.#takenCharge;
  }

  /** Whether the batch is new; false for one that came before. Throws when the sender breaks what was agreed. */
  receive(number: number, bytes: number): boolean {
    if (Number.isInteger(number) && number >= 1 && number <= this.#received) {
      this.duplicates++;
      return false;
    }
    if (number !== this.#received + 1) {
      throw new LinkError('bad-sequence', `Cannot take batch ${number}: ${this.#received + 1} is next`);
    }
    if (this.#receivedCharge >= this.#toldLimit) {
      throw new LinkError('over-credit', `Cannot take batch ${number}: the ${this.#window} bytes allowed are used up`);
    }
    this.#received = number;
    this.#receivedCharge += chargeOf(bytes);
    return true;
  }

  /** The consumer has taken a batch of so many bytes. */
  taken(bytes: number): void {
    this.#takenCharge += chargeOf(bytes);
  }

  /** Whether the sender should be told where things stand: something new came, or a good part of its credit is back. */
  get shouldTell(): boolean {
    return this.#received !== this.#toldReceived || this.owesCredit;
  }

  /** Whether a good part of the credit is back and the sender does not know: it may be waiting for it. */
  get owesCredit(): boolean {
    return this.#limit - this.#toldLimit >= this.#window / 4;
  }

  /** The number and the limit to tell. */
  tell(): readonly [number, number] {
    this.#toldReceived = this.#received;
    this.#toldLimit = this.#limit;
    return [this.#toldReceived, this.#toldLimit];
  }

  get #limit(): number {
    return this.#takenCharge + this.#window;
  }
}
