// Prints what a scenario measured: a table and the ratios for people, one JSON object for programs.
import Table from 'cli-table3';
import type { Measured, Row } from './scenario.ts';

export function printTable(name: string, measured: Measured): void {
  const columns = [...new Set(measured.rows.flatMap((row) => Object.keys(row)))];
  const table = new Table({ head: columns, style: { head: [], border: [] } });
  for (const row of measured.rows) table.push(columns.map((column) => format(row[column])));
  console.log(`\n${name}`);
  if (columns.length > 0) console.log(table.toString());
  for (const [what, ratio] of Object.entries(measured.ratios)) console.log(`${what}: ${format(ratio)}`);
  console.log(`result hash: ${measured.hash}`);
}

export function printJson(name: string, measured: Measured): void {
  console.log(JSON.stringify({ name, ...measured }));
}

function format(value: Row[string]): string {
  if (value === undefined) return '-';
  if (typeof value === 'string') return value;
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}

/** The middle value of several runs: one disturbed run must not decide. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
