// The TypeScript form of each native function: same arguments, same results, slower or without effect. Everything works
// with these alone; tests run them side by side with the native ones.
import { writeSync } from 'node:fs';
import { constants } from 'node:os';

/** What the native helper offers. */
export interface NativeFunctions {
  /**
   * Sends piece i of `bytes`, which ends at `ends[i]` and begins where the one before it ends, to the descriptor
   * `fds[i]`, without waiting. `results[i]` is the number of bytes taken, or a negative errno.
   */
  sendBatch(fds: Int32Array, bytes: Uint8Array, ends: Int32Array, results: Int32Array): void;
  /** Lets the calling thread run on one core only; false when that is not possible. */
  pinThread(core: number): boolean;
  /** Names the calling thread as the system's tools show it (15 bytes); false when that is not possible. */
  nameThread(name: string): boolean;
  /**
   * Lets the whole process give memory blocks of at least so many bytes back to the system as soon as they are freed;
   * false when the allocator cannot be told.
   */
  mapLargeBlocks(bytes: number): boolean;
}

export const twins: NativeFunctions = {
  sendBatch(fds, bytes, ends, results) {
    let start = 0;
    for (let index = 0; index < fds.length; index++) {
      results[index] = sendOne(fds[index], bytes, start, ends[index]);
      start = ends[index];
    }
  },
  // Node has no way to do these: the thread stays where the system puts it, under the name it has, and the allocator
  // keeps freed blocks as it likes (the environment variable MALLOC_MMAP_THRESHOLD_ tells glibc the same).
  pinThread: () => false,
  nameThread: () => false,
  mapLargeBlocks: () => false,
};

function sendOne(fd: number, bytes: Uint8Array, start: number, end: number): number {
  try {
    return writeSync(fd, bytes, start, end - start);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const errno = (constants.errno as Record<string, number>)[code ?? ''];
    if (errno === undefined) throw error;
    return -errno;
  }
}
