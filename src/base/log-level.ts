// Levels of the log, by the names that hsmq's [tracing] level takes.
// Lives on: any thread. Called by: log.ts, config.

/** From most to least; `off` says nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'off'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * The level that a text asks for, in any case. Of a list of directives ("info,hsmq=debug") the first one without a
 * target counts, as there are no targets here. Undefined when there is no level in it.
 */
export function logLevelOf(text: string): LogLevel | undefined {
  for (const directive of text.split(',')) {
    const name = directive.trim().toLowerCase();
    const level = LOG_LEVELS.find((known) => known === name);
    if (level !== undefined) return level;
  }
  return undefined;
}
