// Hierarchical timing wheel: arming, disarming and firing cost the same with ten timers as with ten million.
// Pure: the time comes in as `nowMs`. Lives on: a shard, one.
import { AssertionError } from './assert.ts';

export class TimingWheel {
  constructor(_startMs = 0) {}

  /** Fires `owner`, `item` at `deadlineMs`; the handle is for disarm() and ends with the firing. */
  arm(_deadlineMs: number, _owner: number, _item: number): number {
    throw new AssertionError('not built yet');
  }

  disarm(_handle: number): void {
    throw new AssertionError('not built yet');
  }

  /** Fires everything due at `nowMs`, in order of deadline. */
  advance(_nowMs: number, _fire: (owner: number, item: number, handle: number) => void): void {
    throw new AssertionError('not built yet');
  }

  /** When advance() should be called at the latest, ms since the epoch; Infinity when nothing is armed. */
  nextMs(): number {
    throw new AssertionError('not built yet');
  }
}
