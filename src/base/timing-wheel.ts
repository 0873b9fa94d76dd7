// Hierarchical timing wheel: arming, disarming and firing cost the same with ten timers as with ten million.
//
// Eight levels of 64 slots. A timer's level is the highest 6-bit digit in which its deadline differs from the current
// time, its slot is the value of that digit. So all timers of a level are due before all of the next, lie in slots
// ahead of the current one, and the first occupied slot of the lowest occupied level (found by bitmaps) holds the
// earliest deadlines: time jumps from one occupied slot to the next, however far apart they are. Opening a slot of
// level 0 fires its timers, opening one of a higher level deals them out to the lower levels.
//
// Pure: the time comes in as `nowMs`. When the caller's clock steps back, the wheel's own time stands still and it
// remembers the difference: timers armed before go off after the time they were meant to take, later ones when due.
// A timer costs 32 bytes while it is armed. Lives on: a shard, one.
import { assert } from './assert.ts';

const LEVELS = 8;
const DIGIT_BITS = 6;
const SLOTS = 1 << DIGIT_BITS;
/** Times are split into two integers at this bit: five digits in the low part, three in the high one. */
const LOW_BITS = 30;
const LOW_LEVELS = 5;
const LOW_SPAN = 2 ** LOW_BITS;
/** The last time the digits can tell apart, in the year 10889: deadlines beyond it wait for that. */
const TIME_MS_MAX = 2 ** (LEVELS * DIGIT_BITS) - 1;

/** The list of timers that are being dealt out or fired; behind the slots of all levels. */
const OPEN_SLOT = LEVELS * SLOTS;
const NONE = -1;

// Words of a timer's row. The deadline is a double in the last two.
const ROW_BITS = 3;
const NEXT = 0;
const PREVIOUS = 1;
const OWNER = 2;
const ITEM = 3;
const SLOT = 4;
const DEADLINE_DOUBLE = 3;

/** Rows are made 4096 (128 KiB) at a time, so that growing never copies. */
const CHUNK_BITS = 12;
const CHUNK_ROWS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_ROWS - 1;

export type TimerFire = (owner: number, item: number, handle: number) => void;

export class TimingWheel {
  readonly #words: Int32Array[] = [];
  readonly #doubles: Float64Array[] = [];
  readonly #heads = new Int32Array(OPEN_SLOT + 1).fill(NONE);
  readonly #tails = new Int32Array(OPEN_SLOT + 1).fill(NONE);
  /** Occupied slots: two words a level. */
  readonly #occupied = new Int32Array(LEVELS * 2);
  /** Bit n = level n has an occupied slot. */
  #levels = 0;
  #freeHead = NONE;
  #usedRows = 0;
  #count = 0;
  #currentMs: number;
  #currentHigh = 0;
  #currentLow = 0;
  /** Wheel time minus the caller's time: how far the caller's clock has stepped back in all. */
  #skewMs = 0;
  #advancing = false;

  constructor(startMs = 0) {
    this.#currentMs = 0;
    this.#setCurrent(Math.floor(startMs));
  }

  /** Armed timers. */
  get count(): number {
    return this.#count;
  }

  /** Fires `owner`, `item` at `deadlineMs`; the handle is for disarm() and ends with the firing. */
  arm(deadlineMs: number, owner: number, item: number): number {
    const handle = this.#allocate();
    const words = this.#words[handle >>> CHUNK_BITS];
    const row = (handle & CHUNK_MASK) << ROW_BITS;
    words[row + OWNER] = owner;
    words[row + ITEM] = item;
    // What is due already goes off at the next tick: the current one has been worked off.
    const ms = Math.max(this.#currentMs + 1, Math.ceil(deadlineMs + this.#skewMs));
    this.#insert(handle, Math.min(ms, TIME_MS_MAX));
    return handle;
  }

  disarm(handle: number): void {
    this.#unlink(handle);
    this.#free(handle);
  }

  /**
   * Fires everything due at `nowMs`, in order of deadline, in order of arming where that is equal. `fire` may arm and
   * disarm: the handle it gets is no longer armed.
   */
  advance(nowMs: number, fire: TimerFire): void {
    assert(!this.#advancing, 'a timing wheel is not advanced by its own timers');
    this.#advancing = true;
    const targetMs = Math.floor(nowMs) + this.#skewMs;
    if (targetMs < this.#currentMs) this.#skewMs += this.#currentMs - targetMs;
    try {
      this.#openUntil(Math.max(targetMs, this.#currentMs), fire);
    } finally {
      this.#advancing = false;
    }
  }

  /**
   * When advance() is to be called next: never later than the earliest deadline, and earlier only by the width of the
   * slot it waits in. Infinity when nothing is armed.
   */
  nextMs(): number {
    if (this.#levels === 0) return Number.POSITIVE_INFINITY;
    return this.#startMs(this.#earliestSlot()) - this.#skewMs;
  }

  #openUntil(targetMs: number, fire: TimerFire): void {
    while (this.#levels !== 0) {
      const slot = this.#earliestSlot();
      const startMs = this.#startMs(slot);
      if (startMs > targetMs) break;
      this.#setCurrent(startMs);
      this.#open(slot, fire);
    }
    this.#setCurrent(targetMs);
  }

  /** Empties a slot whose time has come: fires what is due and gives the rest its place in a lower level. */
  #open(slot: number, fire: TimerFire): void {
    const heads = this.#heads;
    const tails = this.#tails;
    assert(heads[OPEN_SLOT] === NONE, 'one slot of a timing wheel is open at a time');
    heads[OPEN_SLOT] = heads[slot];
    tails[OPEN_SLOT] = tails[slot];
    heads[slot] = NONE;
    tails[slot] = NONE;
    this.#markEmpty(slot);
    for (
      let handle = heads[OPEN_SLOT];
      handle !== NONE;
      handle = this.#words[handle >>> CHUNK_BITS][((handle & CHUNK_MASK) << ROW_BITS) + NEXT]
    ) {
      this.#words[handle >>> CHUNK_BITS][((handle & CHUNK_MASK) << ROW_BITS) + SLOT] = OPEN_SLOT;
    }
    while (heads[OPEN_SLOT] !== NONE) {
      const handle = heads[OPEN_SLOT];
      const row = (handle & CHUNK_MASK) << ROW_BITS;
      const deadlineMs = this.#doubles[handle >>> CHUNK_BITS][(row >> 1) + DEADLINE_DOUBLE];
      this.#unlink(handle);
      if (deadlineMs > this.#currentMs) {
        this.#insert(handle, deadlineMs);
        continue;
      }
      const words = this.#words[handle >>> CHUNK_BITS];
      const owner = words[row + OWNER];
      const item = words[row + ITEM];
      this.#free(handle);
      fire(owner, item, handle);
    }
  }

  /** Appends the timer to the slot of its deadline, which lies ahead. */
  #insert(handle: number, deadlineMs: number): void {
    const high = Math.floor(deadlineMs / LOW_SPAN);
    const low = deadlineMs - high * LOW_SPAN;
    let level: number;
    let digit: number;
    if (high !== this.#currentHigh) {
      const place = ((31 - Math.clz32(high ^ this.#currentHigh)) / DIGIT_BITS) | 0;
      level = place + LOW_LEVELS;
      digit = (high >>> (place * DIGIT_BITS)) & (SLOTS - 1);
    } else {
      level = ((31 - Math.clz32(low ^ this.#currentLow)) / DIGIT_BITS) | 0;
      digit = (low >>> (level * DIGIT_BITS)) & (SLOTS - 1);
    }
    const slot = level * SLOTS + digit;
    const words = this.#words[handle >>> CHUNK_BITS];
    const row = (handle & CHUNK_MASK) << ROW_BITS;
    const tail = this.#tails[slot];
    words[row + NEXT] = NONE;
    words[row + PREVIOUS] = tail;
    words[row + SLOT] = slot;
    this.#doubles[handle >>> CHUNK_BITS][(row >> 1) + DEADLINE_DOUBLE] = deadlineMs;
    if (tail === NONE) this.#heads[slot] = handle;
    else this.#words[tail >>> CHUNK_BITS][((tail & CHUNK_MASK) << ROW_BITS) + NEXT] = handle;
    this.#tails[slot] = handle;
    this.#occupied[slot >>> 5] |= 1 << (slot & 31);
    this.#levels |= 1 << level;
  }

  #unlink(handle: number): void {
    const words = this.#words[handle >>> CHUNK_BITS];
    const row = (handle & CHUNK_MASK) << ROW_BITS;
    const slot = words[row + SLOT];
    assert(slot !== NONE, 'a timer is disarmed only while it is armed');
    const next = words[row + NEXT];
    const previous = words[row + PREVIOUS];
    if (previous === NONE) this.#heads[slot] = next;
    else this.#words[previous >>> CHUNK_BITS][((previous & CHUNK_MASK) << ROW_BITS) + NEXT] = next;
    if (next === NONE) this.#tails[slot] = previous;
    else this.#words[next >>> CHUNK_BITS][((next & CHUNK_MASK) << ROW_BITS) + PREVIOUS] = previous;
    if (previous === NONE && next === NONE && slot !== OPEN_SLOT) this.#markEmpty(slot);
  }

  #markEmpty(slot: number): void {
    const occupied = this.#occupied;
    occupied[slot >>> 5] &= ~(1 << (slot & 31));
    const level = (slot / SLOTS) | 0;
    if ((occupied[level * 2] | occupied[level * 2 + 1]) === 0) this.#levels &= ~(1 << level);
  }

  /** The first occupied slot of the lowest occupied level. */
  #earliestSlot(): number {
    const level = lowestBit(this.#levels);
    const low = this.#occupied[level * 2];
    return level * SLOTS + (low !== 0 ? lowestBit(low) : 32 + lowestBit(this.#occupied[level * 2 + 1]));
  }

  /** Time at which a slot ahead of the current time begins. */
  #startMs(slot: number): number {
    const level = (slot / SLOTS) | 0;
    const digit = slot & (SLOTS - 1);
    if (level < LOW_LEVELS) {
      const width = level * DIGIT_BITS;
      const above = (this.#currentLow >>> (width + DIGIT_BITS)) << (width + DIGIT_BITS);
      return this.#currentHigh * LOW_SPAN + (level === LOW_LEVELS - 1 ? 0 : above) + digit * 2 ** width;
    }
    const width = (level - LOW_LEVELS) * DIGIT_BITS;
    const above = (this.#currentHigh >>> (width + DIGIT_BITS)) << (width + DIGIT_BITS);
    return (above + digit * 2 ** width) * LOW_SPAN;
  }

  #setCurrent(ms: number): void {
    this.#currentMs = ms;
    this.#currentHigh = Math.floor(ms / LOW_SPAN);
    this.#currentLow = ms - this.#currentHigh * LOW_SPAN;
  }

  #allocate(): number {
    this.#count++;
    const free = this.#freeHead;
    if (free !== NONE) {
      this.#freeHead = this.#words[free >>> CHUNK_BITS][((free & CHUNK_MASK) << ROW_BITS) + NEXT];
      return free;
    }
    const handle = this.#usedRows++;
    if (handle >>> CHUNK_BITS === this.#words.length) {
      const words = new Int32Array(CHUNK_ROWS << ROW_BITS);
      this.#words.push(words);
      this.#doubles.push(new Float64Array(words.buffer));
    }
    return handle;
  }

  #free(handle: number): void {
    const words = this.#words[handle >>> CHUNK_BITS];
    const row = (handle & CHUNK_MASK) << ROW_BITS;
    words[row + SLOT] = NONE;
    words[row + NEXT] = this.#freeHead;
    this.#freeHead = handle;
    if (--this.#count > 0) return;
    // Nothing is armed: all rows are free, and what a crowd of timers needed is given back.
    this.#freeHead = NONE;
    this.#usedRows = 0;
    if (this.#words.length > 1) {
      this.#words.length = 1;
      this.#doubles.length = 1;
    }
  }
}

/** Index of the lowest bit set in a word that is not 0. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
