// The options as flags of `ringmq serve`, for the command line parser.
// Lives on: main. Called by: cli.
import { envName, flagName, flagProperty, showText } from './option.ts';
import { ALL_OPTIONS } from './options.ts';

export interface FlagOption {
  /** As commander takes it: `--grpc-address <host:port>`. */
  readonly flags: string;
  /** Property of the parsed value: `grpcAddress`; loadConfig() takes it under this name. */
  readonly name: string;
  readonly argument: string;
  readonly help: string;
}

export function flagOptions(): FlagOption[] {
  return Object.entries(ALL_OPTIONS)
    .filter(([, option]) => option.fileOnly !== true)
    .map(([key, option]) => {
      const flag = flagName(key, option);
      const shown = showText(option, option.default);
      const standard = shown === '' ? '' : `default ${shown}, `;
      return {
        flags: `--${flag} ${option.argument}`,
        name: flagProperty(flag),
        argument: option.argument,
        help: `${option.help} (${standard}env ${envName(key)})`,
      };
    });
}
