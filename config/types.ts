// A loaded configuration: every value checked, with its place of origin. Values stand under their TOML keys, in the
// units of the program: durations in ms, sizes in bytes.
// Lives on: main. Called by: node-settings.ts, cli.
import type { OptionValues } from './options.ts';
import type { QueueValues } from './queue-option-table.ts';
import type { NamedSecret } from './secret.ts';

/** Where a value comes from, in order of precedence from the last to the first. */
export type Origin = 'default' | 'file' | 'env' | 'flag';

export interface QueueConfig extends QueueValues {
  readonly name: string;
  readonly topics: readonly string[];
}

export interface UserConfig {
  readonly name: string;
  readonly tokens: readonly NamedSecret[];
}

export interface Config {
  readonly options: OptionValues;
  readonly queueDefaults: QueueValues;
  /** Queues to start: those of Redis are left out. */
  readonly queues: readonly QueueConfig[];
  readonly users: readonly UserConfig[];
  readonly auth: {
    /** [users] or [auth.jwt] is there, or a client certificate is required: calls need an identity. */
    readonly required: boolean;
    /** Tokens or JWTs are asked for: what the admin port, which has no TLS, can check. */
    readonly tokens: boolean;
  };
}

export interface LoadedConfig {
  readonly config: Config;
  /** Origin of every option, by key. */
  readonly sources: Readonly<Record<string, Origin>>;
  readonly warnings: readonly string[];
}
