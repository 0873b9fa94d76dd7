// Makes the descriptors that protobufjs derives from .proto files fit for strict clients (grpcurl refuses them as they
// are): imports are missing, map entries lack their "Entry" suffix, type names are relative, and the well-known types
// stand under a name that no client looks for. Run once, when reflection is first asked.
import { FILE, MESSAGE, readDescriptor, readFileDescriptor } from './file-descriptor.ts';
import { delimited, type Field, textOf, writeFields } from './proto-fields.ts';

const FIELD = { name: 1, typeName: 6 } as const;
const MAP_ENTRY_OPTION = 7;

/** Files by the name that protobufjs gives them and the name they have everywhere else. */
const WELL_KNOWN: Readonly<Record<string, string>> = { 'google_protobuf.proto': 'google/protobuf/any.proto' };

/** The same files, repaired together: names are looked up across all of them. */
export function repairDescriptors(files: readonly Buffer[]): Buffer[] {
  const fileOfSymbol = new Map<string, string>();
  for (const file of files.map(readFileDescriptor)) {
    for (const symbol of file.symbols) fileOfSymbol.set(symbol, WELL_KNOWN[file.name] ?? file.name);
  }
  return files.map((file) => new FileRepair(fileOfSymbol).repair(file));
}

class FileRepair {
  readonly #fileOfSymbol: ReadonlyMap<string, string>;
  readonly #dependencies = new Set<string>();
  readonly #mapEntries = new Set<string>();

  constructor(fileOfSymbol: ReadonlyMap<string, string>) {
    this.#fileOfSymbol = fileOfSymbol;
  }

  repair(file: Buffer): Buffer {
    const fields = readDescriptor(file);
    const scope = textOf(fields, FILE.package);
    const name = WELL_KNOWN[textOf(fields, FILE.name)] ?? textOf(fields, FILE.name);
    const rest = fields
      .filter((field) => field.number !== FILE.name && field.number !== FILE.dependency)
      .map((field) => (field.number === FILE.message ? this.#message(field, scope) : field));
    this.#dependencies.delete(name);
    const imports = [...this.#dependencies].sort().map((dependency) => delimited(FILE.dependency, dependency));
    return writeFields([delimited(FILE.name, name), ...imports, ...rest]);
  }

  #message(message: Field, scope: string): Field {
    const fields = readDescriptor(message.bytes);
    const given = join(scope, textOf(fields, MESSAGE.name));
    const name = isMapEntry(fields) ? `${textOf(fields, MESSAGE.name)}Entry` : textOf(fields, MESSAGE.name);
    if (isMapEntry(fields)) this.#mapEntries.add(given);
    // Nested types first: only then are the map entries known that fields refer to.
    const nested = new Map(
      fields.filter(({ number }) => number === MESSAGE.nested).map((field) => [field, this.#message(field, given)]),
    );
    const repaired = fields.map((field) => {
      if (field.number === MESSAGE.name) return delimited(MESSAGE.name, name);
      if (field.number === MESSAGE.field) return this.#field(field, given);
      return nested.get(field) ?? field;
    });
    return delimited(message.number, writeFields(repaired));
  }

  #field(field: Field, scope: string): Field {
    const parts = readDescriptor(field.bytes).map((part) =>
      part.number === FIELD.typeName ? delimited(FIELD.typeName, this.#resolve(part.bytes.toString(), scope)) : part,
    );
    return delimited(field.number, writeFields(parts));
  }

  /** Looks a relative name up from the innermost scope outwards, as protoc does. */
  #resolve(name: string, scope: string): string {
    if (name.startsWith('.')) return name;
    for (let from = scope; ; from = from.slice(0, Math.max(0, from.lastIndexOf('.')))) {
      const full = join(from, name);
      const file = this.#fileOfSymbol.get(full);
      if (file !== undefined) {
        this.#dependencies.add(file);
        return this.#mapEntries.has(full) ? `.${full}Entry` : `.${full}`;
      }
      if (from === '') return name;
    }
  }
}

function isMapEntry(message: readonly Field[]): boolean {
  const options = message.find((field) => field.number === MESSAGE.options);
  return options !== undefined && readDescriptor(options.bytes).some((option) => option.number === MAP_ENTRY_OPTION);
}

function join(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}
