// What is wrong with a configuration. Problems are gathered, so that one run tells them all; a Reading is the place at
// which a value is being read: it knows how to name that place, and what the value may be resolved with.
// Lives on: main. Called by: every reader of config.
import type { LineOf } from './key-lines.ts';

/** The configuration cannot be used; the message lists every problem, a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** Where the outside world comes in. */
export interface ConfigReaders {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of a file; throws when it cannot be read. */
  readonly readFile: (path: string) => string;
}

/** One value of the wrong kind: thrown by the reader of a value, noted by problems.attempt(). */
export class ValueProblem extends Error {
  override readonly name = 'ValueProblem';
}

export class Problems {
  readonly errors: string[] = [];
  readonly warnings: string[] = [];

  error(text: string): void {
    this.errors.push(text);
  }

  warn(text: string): void {
    this.warnings.push(text);
  }
}

interface ReadingOptions {
  readonly readers: ConfigReaders;
  readonly problems: Problems;
  readonly source: string;
  readonly label: string;
  readonly line?: number | undefined;
  readonly lineOf?: LineOf | undefined;
}

/** A value's place: `node.toml`, line 2, `node.grpc_address`. */
export class Reading {
  readonly readers: ConfigReaders;
  readonly problems: Problems;
  /** The file, "environment" or "command line". */
  readonly source: string;
  /** The key path, the variable or the flag. */
  readonly label: string;
  readonly #line: number | undefined;
  readonly #lineOf: LineOf | undefined;

  constructor(options: ReadingOptions) {
    this.readers = options.readers;
    this.problems = options.problems;
    this.source = options.source;
    this.label = options.label;
    this.#line = options.line;
    this.#lineOf = options.lineOf;
  }

  /** The place of a part of this value. `path` is its key path, where it has a line of its own. */
  at(label: string, path?: string): Reading {
    const line = (path === undefined ? undefined : this.#lineOf?.(path)) ?? this.#line;
    return new Reading({ ...this.#options(), label, line });
  }

  /** The same place in a file whose lines are known. */
  withLines(lineOf: LineOf): Reading {
    return new Reading({ ...this.#options(), lineOf });
  }

  error(what: string): void {
    this.problems.error(`${this.#where()}: Cannot use ${this.label}: ${what}`);
  }

  warn(what: string): void {
    this.problems.warn(`${this.#where()}: ${this.label}: ${what}`);
  }

  /** What `read` gives; undefined when it throws a ValueProblem, which is then noted. */
  attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      this.error(error.message);
      return undefined;
    }
  }

  #where(): string {
    return this.#line === undefined ? this.source : `${this.source}:${this.#line}`;
  }

  #options(): ReadingOptions {
    const { readers, problems, source, label } = this;
    return { readers, problems, source, label, line: this.#line, lineOf: this.#lineOf };
  }
}

/** What stands where something else should: never its value, which may be a secret, but its type. */
export function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'object') return 'a table';
  return `a ${typeof value}`;
}
