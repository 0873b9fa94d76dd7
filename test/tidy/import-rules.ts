// The direction of imports: a table of folders, and what each may import. A folder that is missing here may import
// nothing. Imports of types alone follow the same table, but for TYPES_ONLY.
import { areaOf, type FileRule, type Finding, isTest, lineAt, resolveImport, type SourceFile } from './source-file.ts';

/** Folder of src, or top folder -> the folders it may import besides itself. */
const IMPORT_TABLE: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wire: ['base'],
  core: ['base'],
  session: ['base', 'core', 'wire'],
  store: ['base', 'core'],
  thread: ['base', 'native'],
  broker: ['base', 'core', 'thread', 'store'],
  door: ['base', 'wire', 'session', 'broker'],
  admin: ['base', 'broker'],
  client: ['wire', 'config'],
  cli: ['client', 'config', 'base'],
  dashboard: [],
  config: ['base'],
  // Its thread sits at the end of rings and speaks the words of shards.
  cluster: ['base', 'core', 'wire', 'thread', 'broker'],
  native: [],
};

/** Folder -> folders of which it may import types, because values of these types pass through it. */
const TYPES_ONLY: Readonly<Record<string, readonly string[]>> = {
  door: ['core'],
};

/** The assembly of each kind of thread may import everything of the product, bench and test also what is theirs. */
const FREE: Readonly<Record<string, readonly string[]>> = {
  assembly: [...Object.keys(IMPORT_TABLE).filter((area) => area !== 'cluster'), 'assembly'],
  bench: Object.keys(IMPORT_TABLE),
  test: [...Object.keys(IMPORT_TABLE), 'assembly', 'bench'],
};

/** Pure: no socket, file, clock or random source. Time comes in as `nowMs`, effects go out. */
const PURE_AREAS: ReadonlySet<string> = new Set(['core', 'wire', 'session']);
const PURE_BUILTINS: ReadonlySet<string> = new Set(['node:buffer', 'node:crypto', 'node:util', 'node:zlib']);

interface ImportEdge {
  readonly request: string;
  readonly line: number;
  readonly typesOnly: boolean;
}

/** Every static import and re-export of a file, and dynamic imports of a literal. */
export function importsOf(file: SourceFile): ImportEdge[] {
  const edges: ImportEdge[] = file.module.staticImports.map((found) => ({
    request: found.moduleRequest.value,
    line: lineAt(file, found.start),
    typesOnly: found.entries.length > 0 && found.entries.every((entry) => entry.isType),
  }));
  for (const { entries } of file.module.staticExports) {
    for (const entry of entries) {
      if (entry.moduleRequest === null) continue;
      // A re-export with a local import stands in both lists: the import is enough.
      const request = entry.moduleRequest.value;
      if (edges.some((edge) => edge.request === request)) continue;
      edges.push({ request, line: lineAt(file, entry.start), typesOnly: entry.isType });
    }
  }
  for (const { start, moduleRequest } of file.module.dynamicImports) {
    const literal = /^['"](.*)['"]$/.exec(file.text.slice(moduleRequest.start, moduleRequest.end));
    if (literal !== null) edges.push({ request: literal[1], line: lineAt(file, start), typesOnly: false });
  }
  return edges;
}

export const importTable: FileRule = (file) => {
  const area = areaOf(file.path);
  const allowed = FREE[area] ?? IMPORT_TABLE[area] ?? [];
  const found: Finding[] = [];
  for (const edge of importsOf(file)) {
    if (!edge.request.startsWith('.')) continue;
    const target = areaOf(resolveImport(file, edge.request));
    if (target === area || allowed.includes(target)) continue;
    if (edge.typesOnly && TYPES_ONLY[area]?.includes(target)) continue;
    const list = allowed.length === 0 ? 'nothing' : allowed.join(', ');
    found.push({
      path: file.path,
      line: edge.line,
      rule: 'import table',
      advice: `${area} must not import ${target} (${edge.request}): it may import ${list}. Pass it in, or move it`,
    });
  }
  return found;
};

export const importEnding: FileRule = (file) =>
  importsOf(file)
    .filter((edge) => edge.request.startsWith('.') && !/\.(ts|json)$/.test(edge.request) && file.path.endsWith('.ts'))
    .map((edge) => ({
      path: file.path,
      line: edge.line,
      rule: 'import ending',
      advice: `import of ${edge.request}: name the file as it is on disk, ending in .ts`,
    }));

export const builtinPrefix: FileRule = (file) =>
  importsOf(file)
    .filter((edge) =>
      /^(assert|buffer|child_process|crypto|events|fs|http2?|net|os|path|stream|url|util|zlib)(\/|$)/.test(
        edge.request,
      ),
    )
    .map((edge) => ({
      path: file.path,
      line: edge.line,
      rule: 'built-in modules',
      advice: `import of ${edge.request}: write node:${edge.request}`,
    }));

export const pureBuiltins: FileRule = (file) => {
  if (!isPure(file)) return [];
  return importsOf(file)
    .filter((edge) => edge.request.startsWith('node:') && !edge.typesOnly && !PURE_BUILTINS.has(edge.request))
    .map((edge) => ({
      path: file.path,
      line: edge.line,
      rule: 'pure folders',
      advice: `${edge.request} in a pure folder: take the value as an argument, or move the file to an edge`,
    }));
};

export function isPure(file: SourceFile): boolean {
  return PURE_AREAS.has(areaOf(file.path)) && !isTest(file);
}
