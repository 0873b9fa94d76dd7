// What an option is: one declaration from which its TOML key, environment variable, flag, help, README line and
// checks all come. The table of options is in options.ts and its neighbours; the kinds of values are in
// option-types.ts.
// Lives on: main.
import type { Reading } from './problem.ts';

export interface Option<T> {
  readonly default: T;
  /** What it does, for --help and the README. */
  readonly help: string;
  /** What raising it (or switching it on) costs, where that is not plain. */
  readonly cost?: string | undefined;
  /** What numbers count in TOML: seconds, bytes. */
  readonly unit?: string | undefined;
  /** Placeholder of the value in --help: `<host:port>`. */
  readonly argument: string;
  /** Name of the flag where the derived one would be clumsy. */
  readonly flag?: string | undefined;
  /** Set in the file alone: a value that has no short text, or that should not stand in a list of processes. */
  readonly fileOnly?: boolean | undefined;
  /** Never shown. */
  readonly secret?: boolean | undefined;
  /** The value from TOML; throws a ValueProblem that says what was expected. */
  read(value: unknown, at: Reading): T;
  /** What text from the environment or a flag stands for, as TOML would have it. */
  parse(text: string): unknown;
  /** The value as JSON and TOML have it: reading it gives the value again. */
  show(value: T): unknown;
  /** The value for people, where what show() gives is harder to read. */
  text?(value: T): string;
}

/** The parts of a declaration that every kind of option has. */
export type About<D> = Pick<Option<D>, 'default' | 'help' | 'cost' | 'flag' | 'fileOnly'>;

export type OptionTable = Readonly<Record<string, Option<unknown>>>;

export type ValuesOf<Table extends OptionTable> = {
  readonly [Key in keyof Table]: Table[Key] extends Option<infer T> ? T : never;
};

/** `node.grpc_address` -> `RINGMQ_NODE_GRPC_ADDRESS` */
export function envName(key: string): string {
  return `RINGMQ_${key.replaceAll('.', '_').toUpperCase()}`;
}

/** `node.grpc_address` -> `grpc-address`, `tls.cert` -> `tls-cert`: options of the node itself need no prefix. */
export function flagName(key: string, option: Option<unknown>): string {
  return option.flag ?? key.replace(/^node\./, '').replace(/[._]/g, '-');
}

/** The property under which a command line parser gives the flag: `grpc-address` -> `grpcAddress`. */
export function flagProperty(flag: string): string {
  return flag.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** What stands for a secret. */
export const HIDDEN = '***';

/** Whether the value must not be seen: a default is no secret. */
export function isHidden(option: Option<unknown>, value: unknown): boolean {
  return option.secret === true && value !== option.default;
}

/** The value as one line of text. */
export function showText(option: Option<unknown>, value: unknown): string {
  if (isHidden(option, value)) return HIDDEN;
  const shown = value === undefined ? undefined : (option.text?.(value) ?? option.show(value));
  if (shown === undefined || shown === '') return '';
  return typeof shown === 'string' ? shown : JSON.stringify(shown);
}
