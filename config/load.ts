// Loads a configuration: flags win over the environment, the environment over the file, the file over the defaults.
// Every problem is found before any is told. Pure over its readers.
// Lives on: main. Called by: cli, tests.
import { safeAddresses } from './exposure.ts';
import { type FileContent, readConfigFile } from './file-reader.ts';
import { nearest } from './nearest.ts';
import { envName, flagName, flagProperty, type Option } from './option.ts';
import { ALL_OPTIONS, type OptionValues, queueDefaultKey } from './options.ts';
import { ConfigError, type ConfigReaders, Problems, Reading } from './problem.ts';
import { QUEUE_OPTIONS, type QueueValues } from './queue-option-table.ts';
import { readQueues } from './queues.ts';
import { checkRules } from './rules.ts';
import type { Config, LoadedConfig, Origin } from './types.ts';
import { readUsers } from './users.ts';

export interface LoadOptions extends ConfigReaders {
  /** Absent: no file. */
  readonly tomlPath?: string | undefined;
  /** As a command line parser gives them, by property (`grpcAddress`); what is no option is passed over. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

const NO_FILE: FileContent = {
  values: new Map(),
  queues: undefined,
  users: undefined,
  foreign: [],
  hasJwt: false,
  lineOf: () => undefined,
};

/** Throws a ConfigError with all problems. */
export function loadConfig(given: LoadOptions): LoadedConfig {
  const problems = new Problems();
  const place = (source: string, label = ''): Reading => new Reading({ readers: given, problems, source, label });
  const inFile = place(given.tomlPath ?? 'defaults');
  const file = given.tomlPath === undefined ? NO_FILE : readConfigFile(given.tomlPath, inFile);
  const { values, sources } = readOptions(given, { file, place });
  const config = assemble(values, { file, inFile });
  const options = safeAddresses(config.options, { auth: config.auth, problems });
  checkRules({ ...config, options }, { problems, sources, foreign: file.foreign });
  warnMisspelledEnvironment(given, problems);
  if (problems.errors.length > 0) throw new ConfigError(problems.errors);
  return { config: { ...config, options }, sources, warnings: problems.warnings };
}

type Place = (source: string, label: string) => Reading;

function readOptions(given: LoadOptions, from: { file: FileContent; place: Place }) {
  const values: Record<string, unknown> = {};
  const sources: Record<string, Origin> = {};
  for (const [key, option] of Object.entries(ALL_OPTIONS)) {
    values[key] = option.default;
    sources[key] = 'default';
    // Every place is read, so that a mistake in the file shows also where a flag covers it.
    for (const { origin, at, value } of givenValues({ key, option }, { given, ...from })) {
      const read = at.attempt(() => option.read(value, at));
      if (read === undefined) continue;
      values[key] = read;
      sources[key] = origin;
    }
  }
  return { values, sources };
}

interface GivenValue {
  readonly origin: Origin;
  readonly at: Reading;
  readonly value: unknown;
}

/** What is said about one option, the weightiest last. */
function givenValues(
  { key, option }: { key: string; option: Option<unknown> },
  { given, file, place }: { given: LoadOptions; file: FileContent; place: Place },
): GivenValue[] {
  const found: GivenValue[] = [];
  if (file.values.has(key)) {
    const at = place(given.tomlPath ?? '', '')
      .withLines(file.lineOf)
      .at(`key "${key}"`, key);
    found.push({ origin: 'file', at, value: file.values.get(key) });
  }
  if (option.fileOnly === true) return found;
  const variable = envName(key);
  const fromEnv = given.env[variable];
  if (fromEnv !== undefined && fromEnv !== '') {
    found.push({ origin: 'env', at: place('environment', variable), value: option.parse(fromEnv) });
  }
  const flag = flagName(key, option);
  const fromFlag = given.flags?.[flagProperty(flag)];
  if (fromFlag !== undefined) {
    const value = typeof fromFlag === 'string' ? option.parse(fromFlag) : fromFlag;
    found.push({ origin: 'flag', at: place('command line', `--${flag}`), value });
  }
  return found;
}

function assemble(values: Record<string, unknown>, from: { file: FileContent; inFile: Reading }): Config {
  const options = values as unknown as OptionValues;
  const queueDefaults = Object.fromEntries(
    Object.keys(QUEUE_OPTIONS).map((name) => [name, values[queueDefaultKey(name)]]),
  ) as unknown as QueueValues;
  const { file } = from;
  const inFile = from.inFile.withLines(file.lineOf);
  const tokens = file.hasJwt || file.users !== undefined;
  const certificates = options['tls.client_ca'] !== undefined && options['tls.require_client_certificate'];
  return {
    options,
    queueDefaults,
    queues: readQueues(file.queues, { at: inFile, defaults: queueDefaults }),
    users: readUsers(file.users, inFile),
    auth: { required: tokens || certificates, tokens },
  };
}

/** Variables near to an option's: other programs may have their own, so it is no error. */
function warnMisspelledEnvironment(given: LoadOptions, problems: Problems): void {
  const known = new Set(Object.keys(ALL_OPTIONS).map(envName));
  for (const name of Object.keys(given.env)) {
    if (!name.startsWith('RINGMQ_') || known.has(name)) continue;
    const lower = new Map([...known].map((variable) => [variable.toLowerCase(), variable]));
    const near = lower.get(nearest(name, lower.keys()) ?? '');
    if (near !== undefined) problems.warn(`environment: ${name} is not an option; did you mean ${near}?`);
  }
}
