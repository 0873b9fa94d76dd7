// Ctrl-C: the first one asks a command to end in order - acks are sent, confirms waited for -, the second ends it at
// once.
// Called by: commands that run for long.

/** Exit code of a process that a second Ctrl-C ended, as shells know it. */
const INTERRUPTED = 130;

/** A signal that aborts with the first SIGINT or SIGTERM. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return controller.signal;
}
