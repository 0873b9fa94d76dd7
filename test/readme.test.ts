import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from './tidy/source-file.ts';

const run = promisify(execFile);
const readText = (name: string): string => readFileSync(path.join(REPOSITORY, name), 'utf8');

const README = readText('README.md');
const DOCUMENTS = ['README.md', 'src/README.md', 'CHANGELOG.md'];

/** Commands of the blocks that are marked as runnable, comments and empty lines left out. */
function runnableCommands(): string[] {
  return [...README.matchAll(/^```sh runnable\n([\s\S]*?)^```$/gm)]
    .flatMap((block) => block[1].split('\n'))
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line.length > 0);
}

/** What `ringmq` gets in a command, however the command starts it; undefined when it starts something else. */
function ringmqArguments(command: string): string[] | undefined {
  const match = /^(?:npm run ringmq -- |npx ringmq |ringmq )(.*)$/.exec(command);
  const words = match?.[1].match(/"[^"]*"|\S+/g);
  return words?.map((word) => word.replaceAll('"', ''));
}

/** The words before the first value or flag name a command: `queue declare`, `publish`. */
async function helpOf(words: readonly string[]): Promise<string> {
  const main = path.join(REPOSITORY, 'src/main.ts');
  const { stdout } = await run(process.execPath, [main, ...words, '--help']);
  return stdout;
}

describe('README', function () {
  this.timeout(60_000);

  it('begins with the two set-up commands, and their scripts exist', () => {
    const block = README.split('\n')
      .filter((line) => line.startsWith('    '))
      .slice(0, 2);
    assert.match(block[0], /^ {4}npm ci && npm start\b/);
    assert.match(block[1], /^ {4}npm cit\b/);
    assert.ok(README.indexOf('npm cit') < 200, 'at the very top');
  });

  it('every npm script that the documents name exists', () => {
    const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> };
    const named = DOCUMENTS.flatMap((name) => [...readText(name).matchAll(/npm (?:run )?(start|test|(?<=run )\w+)/g)]);
    const missing = [...new Set(named.map((match) => match[1]))].filter((script) => scripts[script] === undefined);
    assert.deepEqual(missing, []);
  });

  it('every file that the documents link to exists', () => {
    for (const name of DOCUMENTS) {
      for (const [, target] of readText(name).matchAll(/\]\(([^):]+)\)/g)) {
        assert.ok(existsSync(path.join(REPOSITORY, path.dirname(name), target)), `${name} links to ${target}`);
      }
    }
  });

  for (const command of runnableCommands()) {
    const words = ringmqArguments(command);
    if (words === undefined) continue;
    it(`the command line knows: ${command}`, async () => {
      const first = words.findIndex((word) => word.startsWith('-'));
      const names = words.slice(0, words[0] === 'queue' || words[0] === 'config' ? 2 : 1);
      const help = await helpOf(names);
      assert.match(help, new RegExp(`Usage: ringmq ${names.join(' ')}`));
      const flags = first === -1 ? [] : words.slice(first).filter((word) => word.startsWith('-'));
      for (const flag of flags)
        assert.match(help, new RegExp(`(^|[\\s,])${flag}\\b`, 'm'), `${names.join(' ')} has ${flag}`);
    });
  }
});
