// How values are written on the command line: whole numbers, durations, headers. Each parser throws commander's error,
// which names the option, so that the user sees what was wrong with which one.
// Called by: the commands, as parsers of their options.
import { InvalidArgumentError } from 'commander';
import { durationTextMs } from '../base/duration.ts';

/** A parser of whole numbers from `min` to `max`. `_` may group digits, as in TOML. */
export function wholeNumber({ min = 0, max = Number.MAX_SAFE_INTEGER } = {}): (text: string) => number {
  return (text) => {
    const value = /^\d[\d_]*$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
    if (value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `${min} to ${max}`;
    throw new InvalidArgumentError(`Expected a whole number, ${range}.`);
  };
}

/** A duration in ms: `1.5` (seconds), `500ms`, `1h30m`. */
export function durationMs(text: string): number {
  const ms = durationTextMs(text);
  if (ms === undefined) throw new InvalidArgumentError('Expected a duration: seconds, or text like 500ms, 5m, 1h30m.');
  return ms;
}

/** Collects `name=value` pairs of an option that may be given again and again. */
export function headerPair(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected NAME=VALUE.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Collects names, separated by commas or given again and again. */
export function nameList(text: string, before: readonly string[] = []): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('Expected names, separated by commas.');
  return [...before, ...names];
}
