// Loads the native helper when it was built, and says why not when it was not. RINGMQ_NATIVE=0 switches it off.
import { createRequire } from 'node:module';
import type { NativeFunctions } from './twins.ts';

/** The doorbell half of the helper; its twin is the Atomics.waitAsync form in src/thread/doorbell.ts. */
export interface NativeDoorbells {
  /** A doorbell on the calling thread's loop: `callback` runs after it was rung, once for any number of rings. */
  createDoorbell(callback: () => void): number;
  /** Rings from any thread; false when the doorbell's thread has ended. */
  ringDoorbell(number: number): boolean;
  /** The owner is done with its doorbell; at the end of its thread that happens by itself. */
  closeDoorbell(number: number): void;
}

export type Native = NativeFunctions & NativeDoorbells;

/** Seen from this file in the sources, and from its compiled form in dist/. */
const PLACES = ['./build/ringmq.node', '../../native/build/ringmq.node'];

function load(): { native: Native | undefined; reason: string } {
  if (process.env.RINGMQ_NATIVE === '0') return { native: undefined, reason: 'switched off by RINGMQ_NATIVE=0' };
  const require = createRequire(import.meta.url);
  let reason = 'not built';
  for (const place of PLACES) {
    try {
      return { native: require(place) as Native, reason: '' };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'MODULE_NOT_FOUND') reason = message;
    }
  }
  return { native: undefined, reason };
}

const loaded = load();

/** The helper, or undefined. */
export const native: Native | undefined = loaded.native;

/** Why there is no helper; empty when there is. */
export const nativeMissing: string = loaded.reason;
