// Waiting without fixed sleeps: a condition is looked at again and again until it holds.
import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 15_000;
const POLL_MS = 10;

/** Resolves when the condition holds; throws after a patience that only a fault exhausts. */
export async function until(condition: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
  const deadlineMs = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error(`Waited ${PATIENCE_MS} ms in vain for ${what}`);
    await delay(POLL_MS);
  }
}
