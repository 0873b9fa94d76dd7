// Secrets as hsmq writes them: a text, or a table that says where the value is:
//
//   { env = "NAME" } or { file = "path" }, [json_field = "a.b"], [name = "metric"], [default = "x"], [disable = true]
//
// A secret that resolves to nothing is left out with a warning: hsmq's own example refers to variables that are not
// set. A file that cannot be read is an error. Nothing of a value gets into a text here.
// Lives on: main. Called by: options.ts, users.ts.
import { isTable } from './option-types.ts';
import { type Reading, ValueProblem } from './problem.ts';
import { type NamedSecret, Secret } from './secret.ts';

const TEXT_KEYS = ['env', 'file', 'json_field', 'name', 'default', 'vault_mount', 'vault_path'] as const;
const KEYS: readonly string[] = [...TEXT_KEYS, 'disable', 'vault_kv_version'];

type SecretTable = { readonly [Key in (typeof TEXT_KEYS)[number]]?: string } & { readonly disable?: boolean };

/** The usable entries of a list of secrets, and those that are known to be withdrawn. */
export function readSecrets(value: unknown, at: Reading): readonly NamedSecret[] {
  if (!Array.isArray(value)) throw new ValueProblem('expected a list of secrets');
  return value.flatMap((entry: unknown, index) => {
    const place = at.at(`entry ${index + 1} of ${at.label}`);
    const secret = place.attempt(() => readSecret(entry, { at: place, fallbackName: String(index) }));
    return secret === undefined ? [] : [secret];
  });
}

function readSecret(entry: unknown, given: { at: Reading; fallbackName: string }): NamedSecret | undefined {
  const { at } = given;
  const table: SecretTable = typeof entry === 'string' ? { default: entry } : secretTable(entry);
  const disabled = table.disable === true;
  let text = '';
  try {
    text = resolve(table, at) || (table.default ?? '');
  } catch (error) {
    // A withdrawn secret may be gone from where it was.
    if (!disabled) throw error;
  }
  if (text !== '') return { name: table.name ?? given.fallbackName, secret: new Secret(text), disabled };
  if (!disabled) at.warn(`the secret is left out: ${whyNothing(table)}`);
  return undefined;
}

function secretTable(entry: unknown): SecretTable {
  if (!isTable(entry)) throw new ValueProblem('expected a text or a table like { env = "NAME" }');
  for (const key of Object.keys(entry)) {
    if (!KEYS.includes(key)) {
      throw new ValueProblem(`"${key}" is no part of a secret, which may have ${KEYS.join(', ')}`);
    }
  }
  for (const key of TEXT_KEYS) {
    if (entry[key] !== undefined && typeof entry[key] !== 'string') {
      throw new ValueProblem(`expected ${key} to be a text`);
    }
  }
  if (entry.disable !== undefined && typeof entry.disable !== 'boolean') {
    throw new ValueProblem('expected disable to be true or false');
  }
  if (['env', 'file', 'vault_path', 'default'].every((key) => entry[key] === undefined)) {
    throw new ValueProblem('expected env, file or default to say where the secret is');
  }
  return entry as SecretTable;
}

/** Text of the variable or the file, or of a field of it; empty when there is none. */
function resolve(table: SecretTable, { readers }: Reading): string {
  const fromEnv = table.env === undefined ? '' : (readers.env[table.env] ?? '');
  const found = fromEnv !== '' || table.file === undefined ? fromEnv : readSecretFile(table.file, readers.readFile);
  if (found === '' || table.json_field === undefined) return found;
  return jsonField(found, table.json_field);
}

function readSecretFile(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path).replace(/\r?\n$/, '');
  } catch (error) {
    throw new ValueProblem(`the file "${path}" cannot be read: ${reasonOf(error)}`);
  }
}

function jsonField(text: string, path: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own text would quote the secret.
    throw new ValueProblem(`json_field "${path}" needs JSON, and what was found is none`);
  }
  for (const name of path.split('.')) {
    value = isTable(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new ValueProblem(`the JSON has no text at json_field "${path}"`);
}

function whyNothing(table: SecretTable): string {
  if (table.env !== undefined) return `the environment variable ${table.env} is not set`;
  if (table.file !== undefined) return `the file "${table.file}" is empty`;
  return table.vault_path === undefined ? 'it is empty' : 'this version does not read secrets from Vault';
}

/** What the system said, without its own text around it. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'it does not exist',
    EACCES: 'no permission',
    EISDIR: 'it is a folder',
  };
  return known[code ?? ''] ?? message ?? String(error);
}
