// The kinds of values an option may have: how each is read from TOML, what text stands for it, how it is shown.
// A reader throws a ValueProblem that says what would be right; who calls it knows where the value stands.
// Lives on: main. Called by: the option tables.
import { DURATION_UNITS, durationMs, durationTextMs, formatDuration } from '../src/base/duration.ts';
import { type Address, formatAddress, parseAddress } from './address.ts';
import type { About, Option } from './option.ts';
import { typeName, ValueProblem } from './problem.ts';

/** A share of the machine's memory, or a number of bytes. */
export type MemorySize =
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'share'; readonly percent: number };

interface Range {
  readonly min?: number;
  readonly max?: number;
}

const BYTE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const SHOWN_CHARACTERS_MAX = 60;

export function text<D extends string | undefined>(about: About<D>): Option<string | D> {
  return { ...about, argument: '<text>', read: readText, parse: asIs, show: same };
}

export function boolean(about: About<boolean>): Option<boolean> {
  return {
    ...about,
    argument: '[true|false]',
    read: (value) => (typeof value === 'boolean' ? value : wrong('true or false', value)),
    parse: (given) => ({ true: true, '1': true, false: false, '0': false })[given.toLowerCase()] ?? given,
    show: same,
  };
}

export function integer<D extends number | undefined>(about: About<D> & Range): Option<number | D> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, ...rest } = about;
  const expected = `a whole number ${rangeText({ min, max })}`;
  const read = (value: unknown): number =>
    Number.isSafeInteger(value) && inRange(value as number, { min, max }) ? (value as number) : wrong(expected, value);
  return { ...(rest as About<D>), argument: '<count>', read, parse: numberOf, show: same };
}

export function decimal<D extends number | undefined>(about: About<D> & Range): Option<number | D> {
  const { min = 0, max = Number.MAX_VALUE, ...rest } = about;
  const expected = `a number ${rangeText({ min, max })}`;
  const read = (value: unknown): number =>
    typeof value === 'number' && inRange(value, { min, max }) ? value : wrong(expected, value);
  return { ...(rest as About<D>), argument: '<number>', read, parse: numberOf, show: same };
}

/** Milliseconds; in TOML seconds or a table of units. */
export function duration(about: About<number>): Option<number> {
  return {
    ...about,
    argument: '<duration>',
    unit: 'seconds',
    read: readDuration,
    parse: (given) => {
      const ms = durationTextMs(given);
      return ms === undefined ? given : { ms };
    },
    show: (ms) => ms / 1000,
    text: formatDuration,
  };
}

export function bytes(about: About<number> & Range): Option<number> {
  const { min = 1, max = Number.MAX_SAFE_INTEGER, ...rest } = about;
  const read = (value: unknown): number => {
    const count = byteCount(value);
    const expected = `bytes ${rangeText({ min, max })}, as a whole number or as text like "64MiB"`;
    return count !== undefined && inRange(count, { min, max }) ? count : wrong(expected, value);
  };
  return { ...rest, argument: '<bytes>', unit: 'bytes', read, parse: numberOf, show: same };
}

export function memory(about: About<MemorySize>): Option<MemorySize> {
  return {
    ...about,
    argument: '<bytes|percent>',
    unit: 'bytes',
    read: readMemory,
    parse: numberOf,
    show: (size) => (size.kind === 'bytes' ? size.bytes : `${size.percent}%`),
  };
}

export function address<D extends Address | undefined>(about: About<D>): Option<Address | D> {
  const read = (value: unknown): Address =>
    (typeof value === 'string' ? parseAddress(value) : undefined) ??
    wrong('an address like "127.0.0.1:4848", "[::1]:4848" or ":4848"', value);
  const show = (value: Address | D): unknown => (value === undefined ? undefined : formatAddress(value));
  return { ...about, argument: '<host:port>', read, parse: asIs, show };
}

export function choice<const T extends string>(about: About<T>, values: readonly T[]): Option<T> {
  const read = (value: unknown): T =>
    values.find((known) => known === value) ?? wrong(`one of ${values.map((name) => `"${name}"`).join(', ')}`, value);
  return { ...about, argument: `<${values.join('|')}>`, read, parse: asIs, show: same };
}

/** Texts; in the environment and on the command line with commas between them. */
export function texts(about: About<readonly string[]>): Option<readonly string[]> {
  return { ...about, argument: '<text,...>', read: readTexts, parse: (given) => given.split(','), show: same };
}

/** Names and texts, of any names. */
export function textTable(about: About<Readonly<Record<string, string>>>): Option<Readonly<Record<string, string>>> {
  const read = (value: unknown): Readonly<Record<string, string>> => {
    if (!isTable(value) || Object.values(value).some((entry) => typeof entry !== 'string')) {
      return wrong('a table of texts', value);
    }
    return value as Readonly<Record<string, string>>;
  };
  return { ...about, argument: '<table>', fileOnly: true, read, parse: asIs, show: same };
}

/** A value that this version takes and does not look into. It may hold anything, so it is not shown. */
export function unread(about: About<unknown>): Option<unknown> {
  return { ...about, argument: '<any>', fileOnly: true, secret: true, read: (value) => value, parse: asIs, show: same };
}

export function readText(value: unknown): string {
  return typeof value === 'string' ? value : wrong('a text', value);
}

export function readTexts(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.some((entry) => typeof entry !== 'string')) return wrong('a list of texts', value);
  return value as string[];
}

export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function readDuration(value: unknown): number {
  const units = DURATION_UNITS.join(', ');
  return durationMs(value) ?? wrong(`a duration: seconds, or a table of ${units} like { m = 1, s = 30 }`, value);
}

function readMemory(value: unknown): MemorySize {
  const percent = typeof value === 'string' ? /^(\d{1,3}(?:\.\d+)?)\s*%$/.exec(value.trim()) : null;
  if (percent !== null && Number(percent[1]) > 0 && Number(percent[1]) <= 100) {
    return { kind: 'share', percent: Number(percent[1]) };
  }
  const count = byteCount(value);
  if (count !== undefined && count > 0) return { kind: 'bytes', bytes: count };
  return wrong('bytes like 1073741824 or "1GiB", or a share of the memory like "70%"', value);
}

function byteCount(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)$/i.exec(value.trim()) : null;
  if (match === null) return undefined;
  const count = Math.round(Number(match[1]) * (BYTE_UNITS[match[2].toLowerCase()] ?? Number.NaN));
  return Number.isSafeInteger(count) ? count : undefined;
}

function inRange(value: number, { min, max }: Required<Range>): boolean {
  return value >= min && value <= max;
}

function rangeText({ min, max }: Required<Range>): string {
  return max >= Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
}

/** A number where the text is one, else the text, for the reader to refuse. */
function numberOf(given: string): unknown {
  const digits = given.replaceAll('_', '').trim();
  return /^[+-]?\d+(\.\d+)?$/.test(digits) ? Number(digits) : given;
}

function wrong(expected: string, value: unknown): never {
  throw new ValueProblem(`expected ${expected}, received ${shownValue(value)}`);
}

function shownValue(value: unknown): string {
  if (typeof value === 'object' || typeof value === 'function') return typeName(value);
  if (typeof value !== 'string') return String(value);
  return value.length > SHOWN_CHARACTERS_MAX ? `a text of ${value.length} characters` : JSON.stringify(value);
}

function asIs(given: string): unknown {
  return given;
}

function same(value: unknown): unknown {
  return value;
}
