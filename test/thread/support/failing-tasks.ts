// Tasks that end in every way a thread can, for the test of the pool.
import type { MessagePort } from 'node:worker_threads';

/** Lives until it is told to stop, as a shard does. */
export function lives({ port }: { port: MessagePort }): Promise<void> {
  return new Promise((resolve) => {
    port.once('message', () => {
      port.close();
      resolve();
    });
  });
}

export async function throwsLater(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  throw new Error('thrown in the task');
}

/** An exception outside of the task's own promise. */
export function throwsAside(): Promise<void> {
  setTimeout(() => {
    throw new Error('thrown aside');
  }, 20);
  return new Promise(() => {});
}

export function exits(): Promise<void> {
  setTimeout(() => process.exit(3), 20);
  return new Promise(() => {});
}

export async function returns(): Promise<void> {}

export function waits(): Promise<void> {
  return new Promise(() => {});
}

/** Fills the heap it was given, a little in each turn, as a leak does. */
export async function leaks(): Promise<void> {
  const kept: object[] = [];
  for (;;) {
    for (let count = 0; count < 200; count++) kept.push({ number: kept.length, list: [count] });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Fills the heap it was given as fast as it can. */
export function fills(): Promise<void> {
  const kept: number[][] = [];
  for (;;) kept.push(new Array(10_000).fill(kept.length));
}
