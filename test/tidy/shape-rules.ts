// The shape of a file: how long it, its lines and its functions are, how it is named, and that it opens with its map.
import { type Node, Visitor } from 'oxc-parser';
import { type FileRule, type Finding, isTest, lineAt, type SourceFile } from './source-file.ts';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const LINE_COLUMNS_MAX = 120;
/** A first comment shorter than this says no more than the file's name. */
const MAP_CHARACTERS_MIN = 60;

export const fileLength: FileRule = (file) => {
  const count = file.lines.length - 1;
  if (count <= FILE_LINES_MAX) return [];
  const advice = `${count} lines, at most ${FILE_LINES_MAX}: find the second noun in it and give it a file of its own`;
  return [{ path: file.path, line: FILE_LINES_MAX + 1, rule: 'file length', advice }];
};

export const lineLength: FileRule = (file) =>
  file.lines.flatMap((line, index) =>
    line.length <= LINE_COLUMNS_MAX
      ? []
      : [
          {
            path: file.path,
            line: index + 1,
            rule: 'line length',
            advice: `${line.length} columns, at most ${LINE_COLUMNS_MAX}: break the comment or the literal`,
          },
        ],
  );

/** Suites are lists of tests, not functions that one reads from top to bottom. */
const SUITE_CALL = /^(describe|suite)(\.\w+)?$/;

export const functionLength: FileRule = (file) => {
  const found: Finding[] = [];
  const suites = new Set<Node>();
  const check = (node: Node): void => {
    if (suites.has(node)) return;
    const first = lineAt(file, node.start);
    const count = lineAt(file, node.end) - first + 1;
    if (count <= FUNCTION_LINES_MAX) return;
    const advice = `${count} lines, at most ${FUNCTION_LINES_MAX}: keep the branches, move straight code into helpers`;
    found.push({ path: file.path, line: first, rule: 'function length', advice });
  };
  new Visitor({
    CallExpression(node) {
      const callee = file.text.slice(node.callee.start, node.callee.end);
      if (isTest(file) && SUITE_CALL.test(callee)) for (const argument of node.arguments) suites.add(argument);
    },
    FunctionDeclaration: check,
    FunctionExpression: check,
    ArrowFunctionExpression: check,
  }).visit(file.program);
  return found;
};

export const fileName: FileRule = (file) => {
  const name = file.path.slice(file.path.lastIndexOf('/') + 1);
  if (/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.(ts|js)$/.test(name)) return [];
  return [{ path: file.path, line: 1, rule: 'file name', advice: `${name}: name it in kebab-case, one noun` }];
};

export const fileMap: FileRule = (file) => {
  if (file.path.endsWith('.test.ts')) return [];
  if (firstComment(file).length >= MAP_CHARACTERS_MIN) return [];
  const advice =
    'open with a comment that is the map of the file: what it is, the intuition, where it lives, who calls it';
  return [{ path: file.path, line: 1, rule: 'file map', advice }];
};

/** The comment that stands before the first statement, joined over its lines; empty when there is none. */
function firstComment(file: SourceFile): string {
  const codeStart = file.program.body[0]?.start ?? file.text.length;
  return file.comments
    .filter((comment) => comment.end <= codeStart)
    .map((comment) => comment.value.trim())
    .join(' ');
}

/** The public entry of the client library, and the worker file in which the pool finds one export a kind of thread. */
const GATHERING: ReadonlySet<string> = new Set(['src/client/index.ts', 'src/threads.ts']);

export const noBarrel: FileRule = (file) => {
  // A test may give threads a worker file of its own.
  if (GATHERING.has(file.path) || isTest(file)) return [];
  const found: Finding[] = [];
  for (const statement of file.program.body) {
    const from = 'source' in statement && statement.source !== null;
    if (!from || !statement.type.startsWith('Export')) continue;
    const advice = 're-export: import the name from the file that declares it';
    found.push({ path: file.path, line: lineAt(file, statement.start), rule: 'no barrel', advice });
  }
  return found;
};

export const noDefaultExport: FileRule = (file) =>
  file.program.body
    .filter((statement) => statement.type === 'ExportDefaultDeclaration')
    .map((statement) => ({
      path: file.path,
      line: lineAt(file, statement.start),
      rule: 'no default export',
      advice: 'default export: export it by its name',
    }));
