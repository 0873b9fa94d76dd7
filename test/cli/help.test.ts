import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { ringmq } from './ringmq.ts';

const COMMANDS = ['serve', 'publish', 'consume', 'fetch', 'queue', 'ledger', 'bench', 'config'];
const QUEUE_COMMANDS = ['list', 'show', 'declare', 'delete', 'purge', 'peek', 'requeue', 'pause', 'resume'];

/** Whether help lists the command: at the start of a line, indented. */
const lists = (help: string, name: string): boolean => new RegExp(`^ {2}${name}\\b`, 'm').test(help);

describe('ringmq --help', function () {
  this.timeout(60_000);

  it('lists every command and the exit codes', async () => {
    const { code, stdout } = await ringmq(['--help']);
    assert.equal(code, 0);
    assert.deepEqual(
      COMMANDS.filter((name) => !lists(stdout, name)),
      [],
    );
    assert.match(stdout, /Exit codes: 0 done, 1 failed, 2 wrong usage .*, 3 cannot connect, 4 not found, 5 not let in/);
  });

  it('lists every command of queue, and the exit codes there too', async () => {
    const { stdout } = await ringmq(['queue', '--help']);
    assert.deepEqual(
      QUEUE_COMMANDS.filter((name) => !lists(stdout, name)),
      [],
    );
    assert.match(stdout, /Exit codes:/);
  });

  it('the flags of serve are the options of the configuration', async () => {
    const { stdout } = await ringmq(['serve', '--help']);
    for (const flag of ['-c, --config', '--data-dir', '--ports-file', '--grpc-address', '--shards', '--log-level'])
      assert.ok(stdout.includes(flag), flag);
  });

  it('config check takes its file by flag or as an argument', async () => {
    const file = fileURLToPath(new URL('../../config/examples/ringmq.toml', import.meta.url));
    for (const args of [['-c', file], [file]]) {
      const { code, stdout } = await ringmq(['config', 'check', ...args]);
      assert.equal(code, 0);
      assert.match(stdout, /^ok: \d+ queues/);
    }
  });

  it('the version is that of the package', async () => {
    const { code, stdout } = await ringmq(['--version']);
    assert.deepEqual([code, /^\d+\.\d+\.\d+/.test(stdout)], [0, true]);
  });
});

describe('ringmq on an old runtime', () => {
  it('ends with one line that names the version it needs', async () => {
    const versions = '{ value: { ...process.versions, node: "22.1.0" } }';
    const old = `data:text/javascript,Object.defineProperty(process, "versions", ${encodeURIComponent(versions)})`;
    const ran = await ringmq(['--help'], {
      env: { NODE_OPTIONS: `--import=${old.replaceAll(' ', '%20').replaceAll('"', '%22')}` },
    });
    const line = 'ringmq: Cannot run on Node 22.1.0: expected 24 or newer (https://nodejs.org)\n';
    assert.deepEqual(ran, { code: 1, stdout: '', stderr: line });
  });
});

describe('wrong usage', function () {
  this.timeout(60_000);

  const CASES: readonly { fact: string; args: string[]; says: RegExp }[] = [
    { fact: 'an unknown command is told with the nearest one', args: ['publsh'], says: /Did you mean publish\?/ },
    { fact: 'an unknown flag is told with the nearest one', args: ['fetch', 'q', '--timeot', '1'], says: /--timeout/ },
    { fact: 'a missing argument is named', args: ['consume'], says: /missing required argument 'queue'/ },
    {
      fact: 'a number out of range is told with the range',
      args: ['consume', 'q', '--prefetch', '0'],
      says: /1 to 65535/,
    },
    { fact: 'a duration that is none is refused', args: ['fetch', 'q', '--timeout', 'soon'], says: /500ms/ },
    { fact: 'a header without a value is refused', args: ['publish', 't', 'x', '-H', 'name'], says: /NAME=VALUE/ },
    { fact: 'a publish without a body is refused', args: ['publish', 't'], says: /one of DATA, --stdin and --size/ },
    { fact: 'a publish with two bodies is refused', args: ['publish', 't', 'x', '--size', '3'], says: /more than one/ },
    {
      fact: 'a policy that does not exist is told',
      args: ['queue', 'declare', 'q', '--overflow', 'x'],
      says: /reject/,
    },
  ];

  for (const { fact, args, says } of CASES) {
    it(`${fact}: exit code 2`, async () => {
      const { code, stdout, stderr } = await ringmq(args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, says);
    });
  }
});
