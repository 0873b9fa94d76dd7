// `ringmq config ...` on the command line: the same flags as `serve`, so that it tells what a node started with them
// would do. What the commands say is in config-command.ts.
// Called by: program.ts.
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { flagOptions } from '../../config/flags.ts';
import { CliError, EXIT, type ExitCode } from './exit-code.ts';
import { note } from './output.ts';

interface ConfigFlags {
  readonly config?: string;
  readonly json?: boolean;
}

export function addConfig(program: Command): void {
  const group = program.command('config').description('check a configuration, or show what is in force with it');
  const check = configCommand(group, { name: 'check', description: 'tell whether a node would start with it' });
  check.action(async (file: string | undefined, flags: ConfigFlags) => {
    const { configCheck } = await import('./config-command.ts');
    return ended(configCheck(file ?? flags.config, io(flags)));
  });
  const show = configCommand(group, { name: 'show', description: 'show every option, and where its value comes from' });
  show.option('--json', 'print the options as JSON').action(async (file: string | undefined, flags: ConfigFlags) => {
    const { configShow } = await import('./config-command.ts');
    return ended(configShow(file ?? flags.config, { ...io(flags), json: flags.json === true }));
  });
}

function configCommand(group: Command, { name, description }: { name: string; description: string }): Command {
  const command = group.command(name).description(description).argument('[file]', 'TOML file, as -c gives it');
  command.option('-c, --config <file>', 'TOML file; also one of hsmq');
  for (const { flags, help } of flagOptions()) command.addOption(new Option(flags, help));
  return command;
}

function io(flags: ConfigFlags) {
  return {
    env: process.env,
    flags: { ...flags },
    readFile: (path: string) => readFileSync(path, 'utf8'),
    print: (text: string) => void process.stdout.write(`${text}\n`),
    note,
  };
}

/** The problems are printed already, a line each. */
function ended(code: ExitCode): void {
  if (code !== EXIT.ok) throw new CliError(code, 'No node would start with this configuration');
}
