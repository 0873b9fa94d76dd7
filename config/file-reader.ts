// Walks the TOML of a file: values of known keys are handed to their options, sections of their own kind (queues,
// users) are handed out, and what nobody knows is an error with the nearest name that somebody does.
// Lives on: main. Called by: load.ts.
import { parse, TomlError } from 'smol-toml';
import { type LineOf, lineFinder } from './key-lines.ts';
import { nearestPath } from './nearest.ts';
import { isTable } from './option-types.ts';
import { ALL_OPTIONS } from './options.ts';
import type { Reading } from './problem.ts';
import { reasonOf } from './secret-reader.ts';

/** What a file holds, sorted by who reads it. */
export interface FileContent {
  /** Raw values by option key. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly queues: unknown;
  readonly users: unknown;
  /** Top-level sections of connections to other systems, taken as they are. */
  readonly foreign: readonly string[];
  /** [auth.jwt] is there. */
  readonly hasJwt: boolean;
  readonly lineOf: LineOf;
}

/** Sections with a form of their own. */
const QUEUES = 'queues';
const USERS = 'users';
const FOREIGN = ['redis', 'vault'];

const KNOWN_PATHS = [...Object.keys(ALL_OPTIONS), QUEUES, USERS, ...FOREIGN];
const SECTIONS: ReadonlySet<string> = new Set(Object.keys(ALL_OPTIONS).flatMap(sectionsOf));

/** A file that cannot be read or parsed is one error, and counts as empty. */
export function readConfigFile(path: string, at: Reading): FileContent {
  const { root, lineOf } = parseFile(path, at);
  const place = at.withLines(lineOf);
  const values = new Map<string, unknown>();
  for (const [name, value] of Object.entries(root)) {
    if (name !== QUEUES && name !== USERS && !FOREIGN.includes(name))
      walk({ path: name, value }, { values, at: place });
  }
  return {
    values,
    queues: root[QUEUES],
    users: root[USERS],
    foreign: FOREIGN.filter((name) => root[name] !== undefined),
    hasJwt: isTable(root.auth) && root.auth.jwt !== undefined,
    lineOf,
  };
}

function parseFile(path: string, at: Reading): { root: Record<string, unknown>; lineOf: LineOf } {
  try {
    const text = at.readers.readFile(path);
    return { root: parse(text), lineOf: lineFinder(text) };
  } catch (error) {
    if (error instanceof TomlError) {
      // The rest of its message quotes the line, which may hold a secret.
      const [what] = error.message.split('\n');
      at.problems.error(`${path}:${error.line}:${error.column}: Cannot read the file: ${what}`);
    } else {
      at.problems.error(`${path}: Cannot read the file: ${reasonOf(error)}`);
    }
    return { root: {}, lineOf: () => undefined };
  }
}

function walk(node: { path: string; value: unknown }, into: { values: Map<string, unknown>; at: Reading }): void {
  const { path, value } = node;
  if (Object.hasOwn(ALL_OPTIONS, path)) {
    into.values.set(path, value);
    return;
  }
  const place = into.at.at(`key "${path}"`, path);
  if (!SECTIONS.has(path)) {
    place.error(unknownKey(path));
    return;
  }
  if (!isTable(value)) {
    place.error(`it is a section: expected [${path}]`);
    return;
  }
  for (const [name, part] of Object.entries(value)) walk({ path: `${path}.${name}`, value: part }, into);
}

function unknownKey(path: string): string {
  const near = nearestPath(path, [...KNOWN_PATHS, ...SECTIONS]);
  if (near !== undefined) return `it is not an option; did you mean "${near}"?`;
  const section = sectionsOf(path).at(-1);
  if (section === undefined) {
    return `it is not a section, expected one of ${topSections().join(', ')}`;
  }
  const siblings = Object.keys(ALL_OPTIONS).filter((key) => key.startsWith(`${section}.`));
  return `it is not an option, expected one of ${siblings.join(', ')}`;
}

function topSections(): string[] {
  return [...new Set(KNOWN_PATHS.map((path) => path.split('.')[0]))];
}

/** `a.b.c` -> `a`, `a.b` */
function sectionsOf(path: string): string[] {
  const parts = path.split('.');
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('.'));
}
