// Rules over all files together: nothing is unused, nothing runs in circles, nobody imports the assembly, and each
// package is declared and has one home.
import { importsOf } from './import-rules.ts';
import { areaOf, type Finding, isTest, resolveImport, type SourceFile } from './source-file.ts';

export interface PackageManifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Files that a person, npm or mocha starts: everything else must be reached from them. */
function isEntry(file: SourceFile): boolean {
  if (file.path.endsWith('.test.ts') || file.path === 'src/client/index.ts' || file.path === 'src/main.ts') return true;
  // A program that says so itself; benchmarks and tools of the tests are started by hand.
  return /import\.meta\.main\b/.test(file.text) || file.path === 'bench/main.ts' || file.path === 'native/build.js';
}

/**
 * Files that `file` names in a string without importing them: a thread's file in `new URL('./threads.ts', ...)`. A part
 * that is put in at run time may be anything.
 */
function filesNamedIn(file: SourceFile, paths: readonly string[]): string[] {
  const imported = new Set(importsOf(file).map((edge) => edge.request));
  return [...file.text.matchAll(/['"`](\.{1,2}\/[^'"`\s]+\.(?:ts|js))['"`]/g)]
    .map((match) => match[1])
    .filter((request) => !imported.has(request))
    .flatMap((request) => {
      const parts = resolveImport(file, request).split(/\$\{[^}]*\}/);
      const pattern = new RegExp(`^${parts.map((part) => RegExp.escape(part)).join('[^/]+')}$`);
      return paths.filter((known) => pattern.test(known));
    });
}

function referencesOf(file: SourceFile, paths: readonly string[]): string[] {
  const imported = importsOf(file).filter((edge) => edge.request.startsWith('.'));
  return [...imported.map((edge) => resolveImport(file, edge.request)), ...filesNamedIn(file, paths)];
}

/** Files that no entry reaches. What only a test reaches is unused too, unless it stands with the tests. */
export function unusedFiles(files: readonly SourceFile[]): Finding[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const paths = [...byPath.keys()];
  const reach = (entries: readonly SourceFile[]): Set<string> => {
    const reached = new Set<string>();
    const open = [...entries];
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (reached.has(file.path)) continue;
      reached.add(file.path);
      for (const target of referencesOf(file, paths)) {
        const next = byPath.get(target);
        if (next !== undefined) open.push(next);
      }
    }
    return reached;
  };
  const byAll = reach(files.filter(isEntry));
  const byProduct = reach(files.filter((file) => isEntry(file) && !isTest(file)));
  return files
    .filter((file) => !(isTest(file) ? byAll : byProduct).has(file.path))
    .map((file) => ({
      path: file.path,
      line: 1,
      rule: 'unused file',
      advice: isTest(file)
        ? 'no test imports it: use it or delete it'
        : 'nothing that starts from src/main.ts or a benchmark imports it: use it or delete it',
    }));
}

/** Exported names that no other file imports. A type may also serve as the documentation of its own file. */
export function unusedExports(files: readonly SourceFile[]): Finding[] {
  const used = new Set<string>();
  for (const file of files) {
    for (const statement of file.module.staticImports) {
      const target = resolveImport(file, statement.moduleRequest.value);
      for (const entry of statement.entries) {
        used.add(entry.importName.kind === 'Name' ? `${target}#${entry.importName.name}` : `${target}#*`);
      }
    }
    for (const edge of importsOf(file)) {
      // A dynamic import, or a thread's file named by URL, gives no names: what it exports counts as used.
      const isStatic = file.module.staticImports.some((found) => found.moduleRequest.value === edge.request);
      if (!isStatic) used.add(`${resolveImport(file, edge.request)}#*`);
    }
  }
  const paths = files.map((file) => file.path);
  const loadedByName = new Set(files.flatMap((file) => filesNamedIn(file, paths)));
  return files.flatMap((file) => {
    if (loadedByName.has(file.path) || used.has(`${file.path}#*`) || file.path === 'src/client/index.ts') return [];
    return exportsOf(file)
      .filter((found) => !used.has(`${file.path}#${found.name}`) && !(found.isType && timesUsed(file, found.name) > 1))
      .map((found) => ({
        path: file.path,
        line: found.line,
        rule: 'unused export',
        advice: `${found.name} is imported nowhere: drop the export, or the declaration`,
      }));
  });
}

function exportsOf(file: SourceFile): { name: string; isType: boolean; line: number }[] {
  return file.module.staticExports.flatMap((statement) => {
    const line = file.text.slice(0, statement.start).split('\n').length;
    return statement.entries.flatMap((entry) =>
      entry.exportName.name === null ? [] : [{ name: entry.exportName.name, isType: entry.isType, line }],
    );
  });
}

function timesUsed(file: SourceFile, name: string): number {
  return [...file.text.matchAll(new RegExp(`\\b${name}\\b`, 'g'))].length;
}

/** Circles of imports, types left out: they vanish before the code runs. */
export function importCircles(files: readonly SourceFile[]): Finding[] {
  const edges = new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .filter((edge) => edge.request.startsWith('.') && !edge.typesOnly)
        .map((edge) => resolveImport(file, edge.request)),
    ]),
  );
  const found: Finding[] = [];
  const done = new Set<string>();
  const walk = (at: string, way: readonly string[]): void => {
    const seen = way.indexOf(at);
    if (seen !== -1) {
      const circle = [...way.slice(seen), at].join(' -> ');
      found.push({
        path: at,
        line: 1,
        rule: 'import circle',
        advice: `${circle}: move what both need into a third file`,
      });
      return;
    }
    if (done.has(at)) return;
    for (const next of edges.get(at) ?? []) walk(next, [...way, at]);
    done.add(at);
  };
  for (const file of files) walk(file.path, []);
  return found;
}

/**
 * The assembly of the threads is the end of the line: only it imports its own files. Tests start a node as a user does.
 */
export function assemblyImports(files: readonly SourceFile[]): Finding[] {
  return files.flatMap((file) => {
    if (areaOf(file.path) === 'assembly' || isTest(file)) return [];
    return importsOf(file)
      .filter((edge) => edge.request.startsWith('.') && areaOf(resolveImport(file, edge.request)) === 'assembly')
      .map((edge) => ({
        path: file.path,
        line: edge.line,
        rule: 'assembly',
        advice: `import of ${edge.request}: nobody imports the assembly; move what is needed into a folder`,
      }));
  });
}

/** Started by name from scripts or by other tools, never imported. */
const TOOLS: ReadonlySet<string> = new Set(['@biomejs/biome', 'mocha', 'node', 'typescript']);

export function packageImports(files: readonly SourceFile[], manifest: PackageManifest): Finding[] {
  const declared = new Set(Object.keys(manifest.dependencies ?? {}));
  const forTests = new Set(Object.keys(manifest.devDependencies ?? {}));
  const used = new Set<string>();
  const found: Finding[] = [];
  for (const file of files) {
    for (const edge of importsOf(file)) {
      const name = /^(@[^/]+\/[^/]+|[^@./][^/]*)/.exec(edge.request)?.[1];
      if (name === undefined || name.startsWith('node:')) continue;
      used.add(name);
      const mayUseAll = isTest(file) || file.path.startsWith('bench/');
      if (declared.has(name) || (mayUseAll && forTests.has(name))) continue;
      const advice = `package ${name}: declare it under dependencies, or do without it`;
      found.push({ path: file.path, line: edge.line, rule: 'packages', advice });
    }
  }
  for (const name of [...declared, ...forTests]) {
    if (used.has(name) || TOOLS.has(name) || name.startsWith('@types/')) continue;
    found.push({ path: 'package.json', line: 1, rule: 'packages', advice: `${name} is imported nowhere: remove it` });
  }
  return found;
}
