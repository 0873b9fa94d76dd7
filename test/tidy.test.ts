import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  assemblyImports,
  importCircles,
  type PackageManifest,
  packageImports,
  unusedExports,
  unusedFiles,
} from './tidy/graph-rules.ts';
import { builtinPrefix, importEnding, importTable, pureBuiltins } from './tidy/import-rules.ts';
import {
  fileLength,
  fileMap,
  fileName,
  functionLength,
  lineLength,
  noBarrel,
  noDefaultExport,
} from './tidy/shape-rules.ts';
import {
  type FileRule,
  type Finding,
  formatFinding,
  parseSource,
  REPOSITORY,
  readSources,
  type SourceFile,
} from './tidy/source-file.ts';
import { bannedMarks, bannedNames, bannedSyntax, silencedTools } from './tidy/word-rules.ts';

/** What a rule must find in a bad sample, and a good sample in which it must find nothing. */
interface Sample {
  readonly rule: FileRule;
  readonly path: string;
  readonly bad: string;
  readonly says: RegExp;
  readonly good: string;
}

const MAP = '// A sample of a file that opens with its map, as every file of this repository has to.\n';
const manyLines = (count: number): string => 'x();\n'.repeat(count);

const SAMPLES: Readonly<Record<string, Sample>> = {
  'imports follow the table': {
    rule: importTable,
    path: 'src/core/sample.ts',
    bad: `import { b } from '../wire/b.ts';`,
    says: /src\/core\/sample\.ts:1 \[import table\] core must not import wire .* it may import base/,
    good: `import { b } from '../base/b.ts'; import { c } from './c.ts';`,
  },
  'src never imports cluster': {
    rule: importTable,
    path: 'src/main.ts',
    bad: `import { b } from '../cluster/b.ts';`,
    says: /assembly must not import cluster/,
    good: `import { b } from './door/b.ts'; import { c } from './node.ts'; import { d } from '../config/d.ts';`,
  },
  'a door takes only types of core': {
    rule: importTable,
    path: 'src/door/sample.ts',
    bad: `import { b } from '../core/b.ts';`,
    says: /door must not import core/,
    good: `import type { B } from '../core/b.ts'; import { type C } from '../core/c.ts';`,
  },
  're-exports and dynamic imports follow the table too': {
    rule: importTable,
    path: 'src/base/sample.ts',
    bad: `const b = await import('../core/b.ts');`,
    says: /base must not import core .* it may import nothing/,
    good: `const b = await import('./b.ts');`,
  },
  'imports end in .ts': {
    rule: importEnding,
    path: 'src/core/sample.ts',
    bad: `import { b } from './b.js';`,
    says: /ending in \.ts/,
    good: `import { b } from './b.ts'; import { Worker } from 'node:worker_threads';`,
  },
  'built-in modules have their prefix': {
    rule: builtinPrefix,
    path: 'src/core/sample.ts',
    bad: `import { readFile } from 'fs/promises';`,
    says: /write node:fs\/promises/,
    good: `import { readFile } from 'node:fs/promises';`,
  },
  'pure folders import no edge of the system': {
    rule: pureBuiltins,
    path: 'src/wire/sample.ts',
    bad: `import net from 'node:net';`,
    says: /node:net in a pure folder/,
    good: `import { Buffer } from 'node:buffer';`,
  },
  'files are short': {
    rule: fileLength,
    path: 'src/core/sample.ts',
    bad: manyLines(401),
    says: /:401 \[file length\] 401 lines, at most 400/,
    good: manyLines(400),
  },
  'lines fit the screen': {
    rule: lineLength,
    path: 'src/core/sample.ts',
    bad: `x();\n// ${'x'.repeat(118)}`,
    says: /:2 \[line length\] 121 columns/,
    good: `// ${'x'.repeat(117)}`,
  },
  'functions are short': {
    rule: functionLength,
    path: 'src/core/sample.ts',
    bad: `\nclass K { m() {\n${manyLines(69)}} }`,
    says: /:2 \[function length\] 71 lines, at most 70/,
    good: `class K { m() {\n${manyLines(68)}} }\n${manyLines(80)}`,
  },
  'suites of tests may be long, tests not': {
    rule: functionLength,
    path: 'test/core/sample.test.ts',
    bad: `describe('a', () => {\n it('b', () => {\n${manyLines(69)}}); });`,
    says: /:2 \[function length\] 71 lines/,
    good: `describe('a', () => {\n${manyLines(80)}});`,
  },
  'files are named in kebab-case': {
    rule: fileName,
    path: 'src/core/timingWheel.ts',
    bad: '',
    says: /timingWheel\.ts: name it in kebab-case/,
    good: '',
  },
  'files open with their map': {
    rule: fileMap,
    path: 'src/core/sample.ts',
    bad: `// Sample.\nexport const a = 1;\n${MAP}`,
    says: /map of the file/,
    good: `#!/usr/bin/env node\n${MAP}export const a = 1;`,
  },
  'no file only gathers the names of others': {
    rule: noBarrel,
    path: 'src/core/sample.ts',
    bad: `export * from './b.ts';`,
    says: /import the name from the file that declares it/,
    good: 'const a = 1; export { a };',
  },
  'no default exports': {
    rule: noDefaultExport,
    path: 'src/core/sample.ts',
    bad: 'export default function f() {}',
    says: /export it by its name/,
    good: 'export function f() {}',
  },
  'no marks of unfinished work': {
    rule: bannedMarks,
    path: 'src/core/sample.ts',
    bad: `x();\n// ${'TO' + 'DO'}: later`,
    says: /:2 \[banned word\] TODO: do it now/,
    good: `const methodOf = '${'TO' + 'DO'}';`,
  },
  'no silenced type checks': {
    rule: silencedTools,
    path: 'src/core/sample.ts',
    bad: '// @ts-ignore\nx();',
    says: /silenced type check/,
    good: '// @ts-expect-error the types of the package lack it\nx();',
  },
  'no any': {
    rule: bannedSyntax,
    path: 'src/core/sample.ts',
    bad: 'let a: any;',
    says: /any: use unknown/,
    good: `let a: unknown; const any = 'any';`,
  },
  'no enum': {
    rule: bannedSyntax,
    path: 'src/core/sample.ts',
    bad: 'enum A { B }',
    says: /enum: use an `as const` object/,
    good: 'const A = { B: 0 } as const;',
  },
  'no clock in a pure folder': {
    rule: bannedNames,
    path: 'src/session/sample.ts',
    bad: '\nconst nowMs = Date.now();',
    says: /:2 \[banned word\] Date\.now: .* take nowMs/,
    good: 'const at = new Date(nowMs);',
  },
  'no clock by another name': {
    rule: bannedNames,
    path: 'src/session/sample.ts',
    bad: 'const now = new Date();',
    says: /Date\.now/,
    good: `const text = 'Date.now()';`,
  },
  'no timer in a pure folder': {
    rule: bannedNames,
    path: 'src/core/sample.ts',
    bad: 'setTimeout(f, 1);',
    says: /setTimeout: .* timing wheel/,
    good: 'wheel.add(entry, dueMs);',
  },
  'no random source in a pure folder': {
    rule: bannedNames,
    path: 'src/core/sample.ts',
    bad: `import { randomUUID } from 'node:crypto';`,
    says: /randomUUID: /,
    good: `import { createHmac } from 'node:crypto';`,
  },
  'no printing but in the command line': {
    rule: bannedNames,
    path: 'src/door/sample.ts',
    bad: 'console.log(1);',
    says: /console\.log: log through base\/log\.ts/,
    good: 'log.info(1);',
  },
  'options come from the option table': {
    rule: bannedNames,
    path: 'src/door/sample.ts',
    bad: 'const port = process.env.PORT;',
    says: /process\.env: declare an option/,
    good: 'const port = options.port;',
  },
};

/** Rules that hold in every file. */
const FILE_RULES: readonly FileRule[] = [...new Set(Object.values(SAMPLES).map((sample) => sample.rule))];

function assertNone(found: readonly Finding[]): void {
  if (found.length > 0) assert.fail(`${found.length} findings\n${texts(found).join('\n')}\n`);
}

function sources(files: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(files).map(([name, text]) => parseSource(name, text));
}

const texts = (found: readonly Finding[]): string[] => found.map(formatFinding);

describe('tidy: every rule finds its bad sample', () => {
  for (const [fact, sample] of Object.entries(SAMPLES)) {
    it(fact, () => {
      const found = sample.rule(parseSource(sample.path, sample.bad));
      assert.equal(found.length, 1, `exactly one finding, received ${texts(found).join('\n')}`);
      assert.match(formatFinding(found[0]), sample.says);
      const goodPath = sample.rule === fileName ? 'src/core/timing-wheel.ts' : sample.path;
      assertNone(sample.rule(parseSource(goodPath, sample.good)));
    });
  }

  it('a file that nothing reaches is found, also when a test alone reaches it', () => {
    const files = sources({
      'src/main.ts': `import { a } from './core/a.ts'; new URL(ts ? './shard.ts' : './shard.js', import.meta.url);`,
      'src/shard.ts': '',
      'src/core/a.ts': '',
      'src/core/b.ts': '',
      'test/core/b.test.ts': `import { b } from '../../src/core/b.ts';`,
      'test/helper.ts': '',
      'test/threads.test.ts': 'new URL(`./support/$' + '{name}.ts`, import.meta.url);',
      'test/support/echo.ts': '',
    });
    assert.deepEqual(
      unusedFiles(files).map((found) => found.path),
      ['src/core/b.ts', 'test/helper.ts'],
    );
  });

  it('an export that nothing imports is found, a type that its own file uses is not', () => {
    const files = sources({
      'src/core/a.ts':
        'export interface A {}\nexport interface B {}\nexport function f(a: A) {}\nexport function g() {}',
      'src/core/b.ts': `import { g } from './a.ts';`,
    });
    assert.deepEqual(
      texts(unusedExports(files)).map((text) => text.split(' is ')[0]),
      ['src/core/a.ts:2 [unused export] B', 'src/core/a.ts:3 [unused export] f'],
    );
  });

  it('a circle of imports is found, one of types is not', () => {
    const circle = { 'src/core/a.ts': `import { b } from './b.ts';`, 'src/core/b.ts': `import { a } from './a.ts';` };
    assert.match(texts(importCircles(sources(circle)))[0], /src\/core\/a\.ts -> src\/core\/b\.ts -> src\/core\/a\.ts/);
    assertNone(importCircles(sources({ ...circle, 'src/core/b.ts': `import type { A } from './a.ts';` })));
  });

  it('an import of the assembly is found', () => {
    const files = sources({
      'src/door/a.ts': `import { n } from '../node.ts';`,
      'src/main.ts': `import { n } from './node.ts';`,
    });
    assert.deepEqual(
      assemblyImports(files).map((found) => found.path),
      ['src/door/a.ts'],
    );
  });

  it('a package that is used but not declared, or declared but not used, is found', () => {
    const files = sources({
      'src/base/log.ts': `import pino from 'pino'; import { it } from 'mocha-tools/it';`,
      'test/a.test.ts': `import { it } from 'mocha-tools/it';`,
    });
    const manifest = { dependencies: { pino: '1', unused: '1' }, devDependencies: { 'mocha-tools': '1', mocha: '1' } };
    assert.deepEqual(
      texts(packageImports(files, manifest)).map((text) => text.replace(/: declare.*|: remove.*/, '')),
      ['src/base/log.ts:1 [packages] package mocha-tools', 'package.json:1 [packages] unused is imported nowhere'],
    );
  });
});

describe('tidy: the repository', () => {
  const files = readSources();

  for (const rule of FILE_RULES) {
    it(`${rule.name} holds in every file`, () => assertNone(files.flatMap((file) => rule(file))));
  }

  it('every file is reached from an entry', () => assertNone(unusedFiles(files)));
  it('every export is imported somewhere', () => assertNone(unusedExports(files)));
  it('no imports run in circles', () => assertNone(importCircles(files)));
  it('nobody imports the assembly', () => assertNone(assemblyImports(files)));

  it('every package that is used is declared, and every declared one is used', () => {
    const manifest = JSON.parse(readFileSync(path.join(REPOSITORY, 'package.json'), 'utf8')) as PackageManifest;
    assertNone(packageImports(files, manifest));
  });
});
