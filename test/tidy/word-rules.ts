// Banned words, each with what to write instead. Names are matched on the syntax tree, so that a word in a string or a
// comment is no finding; marks of unfinished work are matched in comments.
import { Visitor } from 'oxc-parser';
import { isPure } from './import-rules.ts';
import { areaOf, type FileRule, type Finding, lineAt, type SourceFile } from './source-file.ts';

interface BannedName {
  /** The name as written: an identifier, or an object and its member. */
  readonly name: string;
  readonly instead: string;
  readonly where: (file: SourceFile) => boolean;
}

const everywhere = (): boolean => true;

const TALKING_AREAS: ReadonlySet<string> = new Set(['cli', 'bench', 'test', 'native']);
const silent = (file: SourceFile): boolean => !TALKING_AREAS.has(areaOf(file.path));

const ENVIRONMENT_AREAS: ReadonlySet<string> = new Set(['config', 'cli', 'bench', 'test', 'native', 'assembly']);
const unconfigured = (file: SourceFile): boolean => !ENVIRONMENT_AREAS.has(areaOf(file.path));

const ENDING_AREAS: ReadonlySet<string> = new Set(['cli', 'bench', 'test', 'native', 'assembly']);
const endless = (file: SourceFile): boolean => !ENDING_AREAS.has(areaOf(file.path));

const CLOCK = 'a pure file reads no clock: take nowMs as an argument';
const TIMER = 'a pure file sets no timer: use the timing wheel of the caller, or give the effect out';
const RANDOM = 'a pure file has no random source: take the random words, or a seeded source, as an argument';

const BANNED_NAMES: readonly BannedName[] = [
  { name: 'Date.now', instead: CLOCK, where: isPure },
  { name: 'performance.now', instead: CLOCK, where: isPure },
  { name: 'process.hrtime', instead: CLOCK, where: isPure },
  { name: 'setTimeout', instead: TIMER, where: isPure },
  { name: 'setInterval', instead: TIMER, where: isPure },
  { name: 'setImmediate', instead: TIMER, where: isPure },
  { name: 'Math.random', instead: RANDOM, where: isPure },
  { name: 'crypto.randomUUID', instead: RANDOM, where: isPure },
  { name: 'randomUUID', instead: RANDOM, where: isPure },
  { name: 'randomBytes', instead: RANDOM, where: isPure },
  { name: 'randomInt', instead: RANDOM, where: isPure },
  { name: 'console.log', instead: 'log through base/log.ts, or print in cli', where: silent },
  { name: 'console.error', instead: 'log through base/log.ts, or print in cli', where: silent },
  { name: 'console.warn', instead: 'log through base/log.ts, or print in cli', where: silent },
  { name: 'process.env', instead: 'declare an option in config and pass its value in', where: unconfigured },
  { name: 'process.exit', instead: 'throw, or give the exit code to the assembly', where: endless },
  { name: 'it.only', instead: 'run the one test with mocha --grep', where: everywhere },
  { name: 'describe.only', instead: 'run the one suite with mocha --grep', where: everywhere },
  {
    name: 'it.skip',
    instead: 'say this.skip() under the condition that makes it impossible, or mend the test',
    where: everywhere,
  },
  { name: 'describe.skip', instead: 'say this.skip() under the condition that makes it impossible', where: everywhere },
  {
    name: 'require',
    instead: 'import it',
    where: (file) => file.path.endsWith('.ts') && areaOf(file.path) !== 'native',
  },
  { name: '__dirname', instead: 'use new URL(path, import.meta.url)', where: everywhere },
];

/** Marks of unfinished work. Written in halves, so that this file does not find itself. */
const MARKS = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`);

export const bannedMarks: FileRule = (file) =>
  file.comments.flatMap((comment) => {
    const mark = MARKS.exec(comment.value);
    if (mark === null) return [];
    const line = lineAt(file, comment.start + mark.index);
    const advice = `${mark[1]}: do it now, or open an issue and say in the comment how things are`;
    return [{ path: file.path, line, rule: 'banned word', advice }];
  });

/** Comments that silence a tool. */
export const silencedTools: FileRule = (file) =>
  file.comments
    .filter((comment) => /@ts-(ignore|nocheck)|eslint-disable/.test(comment.value))
    .map((comment) => ({
      path: file.path,
      line: lineAt(file, comment.start),
      rule: 'banned word',
      advice: 'silenced type check: narrow the type, or write @ts-expect-error with the reason',
    }));

export const bannedNames: FileRule = (file) => {
  const banned = new Map(BANNED_NAMES.filter((name) => name.where(file)).map((name) => [name.name, name]));
  const found: Finding[] = [];
  const check = (name: string, start: number): void => {
    const hit = banned.get(name);
    if (hit === undefined) return;
    found.push({ path: file.path, line: lineAt(file, start), rule: 'banned word', advice: `${name}: ${hit.instead}` });
  };
  new Visitor({
    MemberExpression(node) {
      if (node.object.type === 'Identifier' && node.property.type === 'Identifier' && !node.computed) {
        check(`${node.object.name}.${node.property.name}`, node.start);
      }
    },
    CallExpression(node) {
      if (node.callee.type === 'Identifier') check(node.callee.name, node.start);
    },
    Identifier(node) {
      if (node.name === '__dirname') check(node.name, node.start);
    },
    NewExpression(node) {
      const now = node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0;
      if (now) check('Date.now', node.start);
    },
    ImportSpecifier(node) {
      if (node.imported.type === 'Identifier') check(node.imported.name, node.start);
    },
  }).visit(file.program);
  return found;
};

export const bannedSyntax: FileRule = (file) => {
  const found: Finding[] = [];
  const ban = (start: number, advice: string): void => {
    found.push({ path: file.path, line: lineAt(file, start), rule: 'banned word', advice });
  };
  new Visitor({
    TSAnyKeyword: (node) => ban(node.start, 'any: use unknown and narrow it once, or name the type'),
    TSEnumDeclaration: (node) => ban(node.start, 'enum: use an `as const` object, or a union of literals'),
    TSModuleDeclaration: (node) => {
      if (!node.declare) ban(node.start, 'namespace: use a module');
    },
  }).visit(file.program);
  return found;
};
