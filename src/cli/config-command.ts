// `ringmq config check` and `config show`: whether a configuration can be used, and what is in force with it, where
// each value comes from, and what it would be called elsewhere. Secrets are shown as ***.
// Called by: program.ts, tests.
import { loadConfig } from '../../config/load.ts';
import { envName, HIDDEN, isHidden, type OptionTable, showText } from '../../config/option.ts';
import { ALL_OPTIONS, queueDefaultKey } from '../../config/options.ts';
import { ConfigError, type ConfigReaders } from '../../config/problem.ts';
import { QUEUE_OPTIONS } from '../../config/queue-option-table.ts';
import type { Config, LoadedConfig, QueueConfig } from '../../config/types.ts';
import { EXIT, type ExitCode } from './exit-code.ts';

/** Where a configuration comes from, and where results (print) and remarks (note) go. */
export interface ConfigIo extends ConfigReaders {
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly print: (text: string) => void;
  readonly note: (text: string) => void;
}

export function configCheck(path: string | undefined, io: ConfigIo): ExitCode {
  const loaded = load(path, io);
  if (loaded === undefined) return EXIT.usage;
  const { queues, users } = loaded.config;
  const asks = loaded.config.auth.required ? `${users.length} users` : 'no authentication';
  io.print(`ok: ${queues.length} queues, ${asks}, ${loaded.warnings.length} warnings`);
  return EXIT.ok;
}

export function configShow(path: string | undefined, io: ConfigIo & { readonly json: boolean }): ExitCode {
  const loaded = load(path, io);
  if (loaded === undefined) return EXIT.usage;
  if (io.json) io.print(JSON.stringify(shownConfig(loaded)));
  else for (const line of optionLines(loaded)) io.print(line);
  return EXIT.ok;
}

function load(path: string | undefined, io: ConfigIo): LoadedConfig | undefined {
  try {
    const loaded = loadConfig({
      tomlPath: path,
      env: io.env,
      readFile: io.readFile,
      ...(io.flags === undefined ? {} : { flags: io.flags }),
    });
    for (const warning of loaded.warnings) io.note(`warning: ${warning}`);
    return loaded;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) io.note(`error: ${problem}`);
    return undefined;
  }
}

interface ShownOption {
  readonly key: string;
  readonly value: unknown;
  readonly origin: string;
}

function shownOptions({ config, sources }: LoadedConfig): ShownOption[] {
  const values = valuesByKey(config);
  return Object.entries(ALL_OPTIONS).map(([key, option]) => {
    const value = values[key];
    const shown = isHidden(option, value) ? HIDDEN : ((value === undefined ? undefined : option.show(value)) ?? null);
    return { key, value: shown, origin: sources[key] };
  });
}

function valuesByKey({ options, queueDefaults }: Config): Record<string, unknown> {
  const defaults = Object.entries(queueDefaults).map(([name, value]) => [queueDefaultKey(name), value]);
  return { ...options, ...Object.fromEntries(defaults) };
}

function shownConfig(loaded: LoadedConfig): object {
  const { users, queues, auth } = loaded.config;
  return {
    options: Object.fromEntries(shownOptions(loaded).map(({ key, ...rest }) => [key, rest])),
    authentication: auth.required,
    users: users.map(({ name, tokens }) => ({ name, tokens: tokens.length })),
    queues: queues.map(shownQueue),
    warnings: loaded.warnings,
  };
}

/** As TOML would have it. */
function shownQueue(queue: QueueConfig): object {
  const options = Object.entries(QUEUE_OPTIONS as OptionTable).map(([name, option]) => [
    name,
    option.show(queue[name as keyof typeof QUEUE_OPTIONS]),
  ]);
  return { name: queue.name, topics: queue.topics, ...Object.fromEntries(options) };
}

function optionLines(loaded: LoadedConfig): string[] {
  const values = valuesByKey(loaded.config);
  const rows = Object.entries(ALL_OPTIONS).map(([key, option]) => [
    key,
    showText(option, values[key]) || '-',
    loaded.sources[key],
    option.fileOnly === true ? '' : envName(key),
  ]);
  const users = loaded.config.users.map(({ name, tokens }) => [`users.${name}`, `${tokens.length} tokens`, 'file', '']);
  const queues = loaded.config.queues.map((queue) => [`queue ${queue.name}`, queueText(queue), 'file', '']);
  return columns([['option', 'value', 'from', 'variable'], ...rows, ...users, ...queues]);
}

/** What is not as by default. */
function queueText(queue: QueueConfig): string {
  const parts = [`topics=${queue.topics.join(',')}`];
  for (const [name, option] of Object.entries(QUEUE_OPTIONS)) {
    const value = queue[name as keyof typeof QUEUE_OPTIONS];
    if (value !== option.default) parts.push(`${name}=${showText(option, value)}`);
  }
  return parts.join(' ');
}

/** Two blanks between columns; a very long value does not push the others away. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widthMax = 48;
  const widths = rows[0].map((_, at) => Math.min(widthMax, Math.max(...rows.map((row) => row[at].length))));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]))
      .join('  ')
      .trimEnd(),
  );
}
