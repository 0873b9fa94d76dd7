// One file of the repository as the tidy rules see it: its text, its syntax tree and its module record (imports,
// exports). Rules get these values and give findings; nothing but readSources() touches the disk, so a rule is tested
// on a string.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Comment, type EcmaScriptModule, type Program, parseSync } from 'oxc-parser';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** What a rule found, with the way out: `advice` says what to do, not only what is wrong. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly advice: string;
}

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly program: Program;
  readonly module: EcmaScriptModule;
  readonly comments: readonly Comment[];
}

/** A rule looks at one file; rules over the whole repository are in graph-rules.ts. */
export type FileRule = (file: SourceFile) => Finding[];

export function parseSource(filePath: string, text: string): SourceFile {
  const { program, module, comments, errors } = parseSync(filePath, text, { sourceType: 'module' });
  if (errors.length > 0) throw new Error(`Cannot parse ${filePath}: ${errors[0].message}`);
  return { path: filePath, text, lines: text.split('\n'), program, module, comments };
}

/** Every TypeScript and JavaScript file that is ours. */
export function readSources(): SourceFile[] {
  const paths = globSync('{src,cluster,config,native,bench,test}/**/*.{ts,js}', {
    cwd: REPOSITORY,
    exclude: (name) => name === 'node_modules' || name === 'build',
  });
  return paths
    .map((name) => name.split(path.sep).join('/'))
    .sort()
    .map((name) => parseSource(name, readFileSync(path.join(REPOSITORY, name), 'utf8')));
}

/** Line number, from 1, of a character offset. */
export function lineAt(file: SourceFile, offset: number): number {
  let line = 1;
  for (let at = file.text.indexOf('\n'); at !== -1 && at < offset; at = file.text.indexOf('\n', at + 1)) line++;
  return line;
}

/** Where a file belongs: `core` for src/core/queue.ts, `main` for the assembly src/main.ts, else the top folder. */
export function areaOf(filePath: string): string {
  const [top, second, third] = filePath.split('/');
  if (top !== 'src') return top;
  return third === undefined ? 'assembly' : second;
}

export function isTest(file: SourceFile): boolean {
  return file.path.startsWith('test/');
}

/** The file that a relative import names, relative to the repository. */
export function resolveImport(from: SourceFile, request: string): string {
  return path.posix.normalize(path.posix.join(path.posix.dirname(from.path), request));
}

export function formatFinding(found: Finding): string {
  return `${found.path}:${found.line} [${found.rule}] ${found.advice}`;
}
