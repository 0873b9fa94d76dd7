// The log: one line an event, with a name that programs can match and details that people can read. JSON by pino;
// coloured text when a person sits before a terminal. Written synchronously, so that the last line before an end is
// there. What is secret does not get here; names that usually hold secrets are blanked all the same.
// Lives on: main. Called by: node.ts, admin, cli.
import { type DestinationStream, destination as openDestination, pino } from 'pino';
import type { LogLevel } from './log-level.ts';

type LogDetails = Readonly<Record<string, unknown>> | object;

/** Where events are told. The name is `noun.what-happened`. */
export interface Log {
  event(name: string, details?: LogDetails): void;
  warn(name: string, details?: LogDetails): void;
  error(name: string, details?: LogDetails): void;
  debug(name: string, details?: LogDetails): void;
}

/** A stream; `isTTY` as Node's own streams have it. */
export interface LogDestination extends DestinationStream {
  readonly isTTY?: boolean | undefined;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Coloured lines instead of JSON, where the destination is a terminal. */
  readonly pretty: boolean;
  /** Name of the node, in every line. */
  readonly name: string;
  /** Default: standard output. */
  readonly destination?: LogDestination;
}

const CENSORED = ['authorization', 'token', 'tokens', 'password', 'secret', 'secrets', 'dsn'];

const COLOURS: Readonly<Record<string, string>> = {
  trace: '\x1b[90m',
  debug: '\x1b[36m',
  info: '\x1b[32m',
  warn: '\x1b[33m',
  error: '\x1b[31m',
};
const DIM = '\x1b[2m';
const RESET = '\x1b[0m';

export function createLog(options: LogOptions): Log {
  const target = options.destination ?? standardOutput();
  const destination = options.pretty && target.isTTY === true ? prettyDestination(target) : target;
  const logger = pino(
    {
      level: options.level === 'off' ? 'silent' : options.level,
      base: { node: options.name },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: CENSORED.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '***' },
    },
    destination,
  );
  return {
    event: (name, details) => logger.info(fields(name, details)),
    warn: (name, details) => logger.warn(fields(name, details)),
    error: (name, details) => logger.error(fields(name, details)),
    debug: (name, details) => logger.debug(fields(name, details)),
  };
}

function standardOutput(): LogDestination {
  return Object.assign(openDestination({ fd: 1, sync: true }), { isTTY: process.stdout.isTTY });
}

/** Errors are shown by what they say, at any depth of causes; other properties of theirs may hold anything. */
function fields(name: string, details: LogDetails = {}): object {
  const shown: Record<string, unknown> = { event: name };
  for (const [key, value] of Object.entries(details)) shown[key] = value instanceof Error ? errorFields(value) : value;
  return shown;
}

function errorFields(error: Error): object {
  const { code } = error as Error & { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    stack: error.stack,
    ...(error.cause instanceof Error ? { cause: errorFields(error.cause) } : {}),
  };
}

function prettyDestination(target: LogDestination): DestinationStream {
  return { write: (line) => target.write(prettyLine(line)) };
}

/** "12:34:56.789 INFO  node.serving grpc=127.0.0.1:4848 shards=2" */
function prettyLine(line: string): string {
  const { time, level, node: _, event, ...details } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const parts = Object.entries(details).map(([key, value]) => ` ${DIM}${key}=${RESET}${detailText(value)}`);
  const label = String(level).toUpperCase().padEnd(5);
  return `${DIM}${clock}${RESET} ${COLOURS[String(level)]}${label}${RESET} ${event}${parts.join('')}\n`;
}

function detailText(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@-]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const { type, message, stack } = value as Record<string, unknown>;
  return typeof stack === 'string' ? `${type}: ${message}\n${DIM}${stack}${RESET}` : JSON.stringify(value);
}
