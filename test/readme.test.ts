import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { readmeTable } from '../config/readme-table.ts';
import { NodeProcess } from './e2e/support/node-process.ts';
import { REPOSITORY } from './tidy/source-file.ts';

const run = promisify(execFile);
const readText = (name: string): string => readFileSync(path.join(REPOSITORY, name), 'utf8');

const README = readText('README.md');
const DOCUMENTS = ['README.md', 'src/README.md', 'CHANGELOG.md'];

/** Texts of the fenced blocks that open with this line. */
function blocks(fence: string): string[] {
  return [...README.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
    .filter((block) => block[1] === fence)
    .map((block) => block[2]);
}

/** Commands of a block, comments and empty lines left out. */
function commandsOf(block: string): string[] {
  return block
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line.length > 0);
}

/** What `ringmq` gets in a command, however the command starts it; undefined when it starts something else. */
function ringmqArguments(command: string): string[] | undefined {
  const match = /^(?:npm run ringmq -- |npx ringmq |ringmq )(.*)$/.exec(command);
  const words = match?.[1].match(/"[^"]*"|\S+/g);
  return words?.map((word) => word.replaceAll('"', ''));
}

/** Runs the program as the repository has it; rejects when it fails. */
async function ringmq(words: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const main = path.join(REPOSITORY, 'src/main.ts');
  const { stdout } = await run(process.execPath, [main, ...words], { env: { ...process.env, ...env } });
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
      for (const [, target] of readText(name).matchAll(/\]\(([^):#]+)\)/g)) {
        assert.ok(existsSync(path.join(REPOSITORY, path.dirname(name), target)), `${name} links to ${target}`);
      }
    }
  });

  it('the table of options is the one that the options declare', () => {
    const [, table] = /<!-- options:begin -->\n([\s\S]*?)\n<!-- options:end -->/.exec(README) ?? [];
    assert.equal(table, readmeTable().trim(), 'put what `npx node config/readme-table.ts` prints between the marks');
  });

  it('every command that starts a node is one', async () => {
    const help = await ringmq(['serve', '--help']);
    for (const command of commandsOf(blocks('sh start')[0])) {
      const words = ringmqArguments(command) ?? [];
      for (const flag of words.filter((word) => word.startsWith('-'))) {
        assert.match(help, new RegExp(`(^|[\\s,])${flag}\\b`, 'm'), `serve has ${flag}`);
      }
    }
  });

  it('every command of use works on a node, in the order in which it stands there', async () => {
    const node = await NodeProcess.start();
    try {
      const env = { RINGMQ_ADDRESS: node.address, RINGMQ_ADMIN: `http://127.0.0.1:${node.adminPort}` };
      for (const command of commandsOf(blocks('sh use')[0])) {
        const words = ringmqArguments(command);
        assert.ok(words !== undefined, `a command of ringmq: received ${command}`);
        await ringmq(words, env);
      }
      const ledger = await node.admin<{ balanced: boolean }>('/api/v1/ledger');
      assert.equal(ledger.balanced, true);
    } finally {
      await node.stop();
    }
  });

  it('the example config is accepted', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'ringmq-readme-'));
    try {
      writeFileSync(path.join(folder, 'node.toml'), blocks('toml')[0]);
      await ringmq(['config', 'check', '-c', path.join(folder, 'node.toml')]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
