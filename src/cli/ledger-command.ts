// `ringmq ledger`: what became of every accepted message. Ends with an exit code of 1 when it does not balance, so
// that a script can ask.
// Called by: program.ts.
import type { Command } from 'commander';
import { addAdminOptions, openAdmin } from './connect-options.ts';
import { CliError, EXIT } from './exit-code.ts';
import { printJson, printLine, printTable } from './output.ts';

type Counts = Readonly<Record<string, number>>;

interface LedgerReport {
  readonly balanced: boolean;
  readonly imbalance: number;
  readonly total: Counts;
  readonly queues: readonly { readonly name: string; readonly ledger: Counts; readonly imbalance: number }[];
}

/** Columns of the table; `dropped` is the sum of what was dropped for any reason. */
const COLUMNS: Readonly<Record<string, (counts: Counts) => number>> = {
  accepted: (counts) => counts.accepted,
  acked: (counts) => counts.acked,
  ready: (counts) => counts.ready,
  'in flight': (counts) => counts.inFlight,
  delayed: (counts) => counts.delayed,
  expired: (counts) => counts.expired,
  dropped: (counts) => counts.droppedLimit + counts.droppedMaxDeliveries + counts.droppedMemory,
  dead: (counts) => counts.deadLettered,
  purged: (counts) => counts.purged,
  moved: (counts) => counts.moved,
};

export function addLedger(program: Command): void {
  const command = program
    .command('ledger')
    .description('show what became of every accepted message; exit code 1 unless it balances')
    .option('--json', 'print the report as JSON');
  addAdminOptions(command).action(ledger);
}

async function ledger(flags: { readonly json?: boolean }): Promise<void> {
  const report = await openAdmin(flags).get<LedgerReport>('/ledger');
  if (flags.json === true) await printJson(report);
  else await printLedger(report);
  if (!report.balanced)
    throw new CliError(EXIT.failed, `The ledger does not balance: ${report.imbalance} messages are nowhere`);
}

async function printLedger({ queues, total, balanced }: LedgerReport): Promise<void> {
  const row = (name: string, counts: Counts): (string | number)[] => [
    name,
    ...Object.values(COLUMNS).map((column) => column(counts)),
  ];
  const rows = queues.map(({ name, ledger: counts }) => row(name, counts));
  await printTable(['queue', ...Object.keys(COLUMNS)], [...rows, row('(total)', total)]);
  if (balanced) await printLine('The ledger balances: every accepted message is in one of these columns.');
}
