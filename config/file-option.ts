// An option that names a PEM file. The file is read with the configuration, so that `config check` finds what is wrong
// with it; its text is kept as a secret, as it may be a key.
// Lives on: main. Called by: options.ts.
import type { About, Option } from './option.ts';
import { readText } from './option-types.ts';
import { type Reading, ValueProblem } from './problem.ts';
import { Secret } from './secret.ts';
import { reasonOf } from './secret-reader.ts';

export interface PemFile {
  readonly path: string;
  readonly text: Secret;
}

export function pemFile(about: About<undefined>): Option<PemFile | undefined> {
  return { ...about, argument: '<file>', read, parse: (given) => given, show: (file) => file?.path };
}

function read(value: unknown, at: Reading): PemFile {
  const path = readText(value);
  // A key that was put where its path belongs is not repeated.
  if (path.includes('-----BEGIN ')) throw new ValueProblem('expected the path of a PEM file, received its content');
  let text: string;
  try {
    text = at.readers.readFile(path);
  } catch (error) {
    throw new ValueProblem(`the file "${path}" cannot be read: ${reasonOf(error)}`);
  }
  if (!text.includes('-----BEGIN ')) throw new ValueProblem(`the file "${path}" is no PEM file`);
  return { path, text: new Secret(text) };
}
