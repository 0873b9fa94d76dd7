// The table of options for the README, from their declarations. Printed by `node config/readme-table.ts`; the README
// carries it between its two marks, which test/readme.test.ts compares.
// Called by: people, the test.
import { HSMQ_OPTIONS } from './hsmq-option-table.ts';
import { flagName, type Option, showText } from './option.ts';
import { ALL_OPTIONS } from './options.ts';

const HEAD = '| TOML key | flag | default | what it does; what raising it costs |\n|---|---|---|---|';

/** Markdown. The environment variable follows from the key, so it is told once. */
export function readmeTable(): string {
  const rows = Object.entries(ALL_OPTIONS)
    .filter(([key]) => !Object.hasOwn(HSMQ_OPTIONS, key))
    .map(([key, option]) => row(key, option));
  return [HEAD, ...rows].join('\n');
}

function row(key: string, option: Option<unknown>): string {
  const flag = option.fileOnly === true ? '' : `\`--${flagName(key, option)}\``;
  const shown = key === 'node.name' ? 'the host name' : code(showText({ ...option, secret: false }, option.default));
  const unit = option.unit === undefined ? '' : ` (${option.unit})`;
  const cost = option.cost === undefined ? '' : `; ${option.cost}`;
  return `| \`${key}\` | ${flag} | ${shown} | ${cell(`${option.help}${unit}${cost}`)} |`;
}

function code(text: string): string {
  return text === '' || text === '[]' || text === '{}' ? '' : `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (import.meta.main) process.stdout.write(`${readmeTable()}\n`);
