// Secrets as hsmq writes them: a text, or a table that says where the value is:
//
//   { env = "NAME" } or { file = "path" }, [json_field = "a.b"], [name = "metric"], [default = "x"], [disable = true]
//
// A secret that is nowhere is left out with a warning: hsmq's own examples refer to variables and files that are not
// there. Calls that need it are refused then, never let in. What is there but cannot be used is an error, or a warning
// where a default stands by. Nothing of a value gets into a text here.
// Lives on: main. Called by: options.ts, users.ts.
import { isTable } from './option-types.ts';
import { type ConfigReaders, type Reading, ValueProblem } from './problem.ts';
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
  const found = find(table, at);
  const text = found.kind === 'found' ? found.text : (table.default ?? '');
  // A withdrawn secret may be gone from where it was.
  if (found.kind === 'broken' && !disabled) {
    if (text === '') throw new ValueProblem(found.why);
    at.warn(`the default is used: ${found.why}`);
  }
  if (text !== '') return { name: table.name ?? given.fallbackName, secret: new Secret(text), disabled };
  if (found.kind === 'absent' && !disabled) at.warn(`the secret is left out: ${found.why}`);
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

type Found =
  | { readonly kind: 'found'; readonly text: string }
  /** Nothing is there. */
  | { readonly kind: 'absent'; readonly why: string }
  /** Something is there that cannot be used. */
  | { readonly kind: 'broken'; readonly why: string };

/** Text of the variable or the file, or of a field of it. */
function find(table: SecretTable, { readers }: Reading): Found {
  const fromEnv = table.env === undefined ? '' : (readers.env[table.env] ?? '');
  if (fromEnv !== '') return ofField(fromEnv, table);
  if (table.file !== undefined) return inFile(table.file, { table, readers });
  return { kind: 'absent', why: whyNothing(table) };
}

function inFile(path: string, { table, readers }: { table: SecretTable; readers: ConfigReaders }): Found {
  let text: string;
  try {
    text = readers.readFile(path).replace(/\r?\n$/, '');
  } catch (error) {
    const kind = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'absent' : 'broken';
    return { kind, why: `the file "${path}" cannot be read: ${reasonOf(error)}` };
  }
  return text === '' ? { kind: 'absent', why: `the file "${path}" is empty` } : ofField(text, table);
}

/** The text itself, or the field of the JSON in it: of that very name, or else along its dots. */
function ofField(text: string, { json_field: path }: SecretTable): Found {
  if (path === undefined) return { kind: 'found', text };
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    // The parser's own text would quote the secret.
    return { kind: 'broken', why: `json_field "${path}" needs JSON, and what was found is none` };
  }
  const value = fieldOf(root, path) ?? path.split('.').reduce(fieldOf, root);
  if (typeof value === 'number' || (typeof value === 'string' && value !== '')) {
    return { kind: 'found', text: String(value) };
  }
  return { kind: 'broken', why: `the JSON has no text at json_field "${path}"` };
}

function fieldOf(value: unknown, name: string): unknown {
  return isTable(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function whyNothing(table: SecretTable): string {
  if (table.env !== undefined) return `the environment variable ${table.env} is not set`;
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
