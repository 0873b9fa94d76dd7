// Printing: results on stdout - a table for people, one JSON value for programs -, everything about the work on stderr.
// A reader that has seen enough (`ringmq consume q | head -1`) closes the pipe; that ends the command, it is no error.
// Called by: program.ts and the commands.
import { once } from 'node:events';

/** Ends the process in order when stdout is closed by its reader. */
export function survivePipes(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.stderr.on('error', () => {});
}

/** Prints a line; waits while the reader is slower than we are. */
export async function printLine(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain');
}

export function printJson(value: unknown): Promise<void> {
  return printLine(JSON.stringify(value));
}

/** A remark about the work, kept out of the result. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** No frame: two blanks between columns, as is easy to read and to cut. */
const FRAMELESS = {
  ...Object.fromEntries(
    ['top', 'bottom', 'mid'].flatMap((line) =>
      [line, `${line}-mid`, `${line}-left`, `${line}-right`].map((at) => [at, '']),
    ),
  ),
  left: '',
  'left-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

type Cell = string | number | boolean;

/** A table; numbers stand right. */
export async function printTable(head: readonly string[], rows: readonly (readonly Cell[])[]): Promise<void> {
  const isNumber = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'));
  await printRows([head, ...rows], isNumber);
}

/** Names and values of one thing. */
export function printFacts(facts: Readonly<Record<string, Cell>>): Promise<void> {
  return printRows(Object.entries(facts), [false, false]);
}

async function printRows(rows: readonly (readonly Cell[])[], rightAligned: readonly boolean[]): Promise<void> {
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    chars: FRAMELESS,
    colAligns: rightAligned.map((right) => (right ? 'right' : 'left')),
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  for (const row of rows) table.push(row.map(shown));
  await printLine(table.toString().replace(/ +$/gm, ''));
}

/**
 * Groups digits, and shows control characters - which a queue name may hold - as escapes: they could steer a terminal.
 */
export function shown(value: string | number | boolean): string {
  if (typeof value === 'number') return value.toLocaleString('en-US', { maximumFractionDigits: 3 });
  return String(value).replace(/\p{Cc}/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
