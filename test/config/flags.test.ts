import assert from 'node:assert/strict';
import { Command } from 'commander';
import { flagOptions } from '../../config/flags.ts';
import { readmeTable } from '../../config/readme-table.ts';
import { load } from './support.ts';

function parse(args: readonly string[]): Record<string, unknown> {
  const command = new Command('serve').exitOverride();
  for (const { flags, help } of flagOptions()) command.option(flags, help);
  return command.parse(args, { from: 'user' }).opts();
}

describe('flagOptions()', () => {
  it('are what the command line parser takes, and loadConfig() understands what it gives', () => {
    const flags = parse([
      '--grpc-address',
      '127.0.0.1:7',
      '--log-color',
      '--shards=3',
      '--tls-require-client-certificate',
      'false',
    ]);
    const { config, sources } = load('', { flags });
    assert.deepEqual(config.options['node.grpc_address'], { host: '127.0.0.1', port: 7 });
    assert.equal(config.options['tracing.with_ansi'], true);
    assert.equal(config.options['node.shards'], 3);
    assert.equal(sources['tls.require_client_certificate'], 'flag');
    assert.equal(sources['node.name'], 'default');
  });

  it('say property, default and variable', () => {
    const option = flagOptions().find(({ name }) => name === 'shutdownTimeout');
    assert.equal(option?.flags, '--shutdown-timeout <duration>');
    assert.match(option?.help ?? '', /\(default 30s, env RINGMQ_NODE_SHUTDOWN_TIMEOUT\)$/);
  });
});

describe('readmeTable()', () => {
  it('has a line for every option that has an effect, with its cost', () => {
    const table = readmeTable();
    assert.match(table, /^\| `node\.grpc_address` \| `--grpc-address` \| `127\.0\.0\.1:4848` \| where/m);
    assert.match(table, /^\| `queue_defaults\.limit` .*memory/m);
    assert.ok(!table.includes('sentry.'));
    for (const line of table.split('\n')) assert.equal(line.replaceAll('\\|', '').split('|').length, 6, line);
  });
});
