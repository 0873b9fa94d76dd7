// Assertions are for our own bugs only: what a client sends is checked with BrokerError, never with these.
// They stay on in production: a broker that goes on with a broken invariant loses messages silently.

/** A broken invariant of ours. Ends the thread, which ends the node in order. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws when `condition` does not hold. `what` states the invariant, not the failure. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionError(`Invariant broken: ${what}`);
}

/** Ends a switch over a union: a new variant that was forgotten is then a type error. */
export function unreachable(value: never): never {
  throw new AssertionError(`Invariant broken: every variant is handled, received ${String(value)}`);
}
