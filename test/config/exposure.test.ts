import assert from 'node:assert/strict';
import { formatAddress, parseAddress } from '../../config/address.ts';
import { nodeSettings } from '../../src/node-settings.ts';
import { load } from './support.ts';

const ADDRESSES =
  '[node]\ngrpc_address = "0.0.0.0:1"\nadmin_address = "[::]:2"\n[prometheus]\nhttp_address = "host:3"\n';

function listening(toml: string): string[] {
  const { config } = load(toml);
  const { grpc, adminAddresses } = nodeSettings(config, '1');
  return [grpc, ...adminAddresses].map(formatAddress);
}

describe('a node that asks nobody who they are', () => {
  it('listens on loopback of the same family and port instead, with a warning for each', () => {
    assert.deepEqual(listening(ADDRESSES), ['127.0.0.1:1', '[::1]:2', '127.0.0.1:3']);
    const { warnings } = load(ADDRESSES);
    assert.equal(warnings.length, 3);
    assert.match(warnings[0], /node\.grpc_address: listening on 127\.0\.0\.1:1 INSTEAD OF 0\.0\.0\.0:1/);
  });

  it('listens where it is told when it is told so twice', () => {
    assert.deepEqual(listening(`${ADDRESSES}[auth]\nanonymous = true\n`), ['0.0.0.0:1', '[::]:2', 'host:3']);
  });

  it('stays on the loopback addresses it was given, without a word', () => {
    for (const host of ['127.0.0.1', '127.1.2.3', '[::1]', 'localhost']) {
      const { config, warnings } = load(`[node]\ngrpc_address = "${host}:1"\n`);
      assert.equal(formatAddress(config.options['node.grpc_address']), `${host}:1`);
      assert.deepEqual(warnings, []);
    }
  });
});

describe('a node with authentication', () => {
  for (const auth of ['[users.a]\ntokens = ["t"]', '[auth.jwt]\nsecrets = []', '[users]']) {
    it(`listens where it is told: ${auth.replaceAll('\n', ' ')}`, () => {
      assert.deepEqual(listening(`${ADDRESSES}${auth}\n`), ['0.0.0.0:1', '[::]:2', 'host:3']);
    });
  }

  for (const auth of ['[users]', '[auth.jwt]', '[users.a]\ntokens = [{ env = "GONE" }]', '[auth.jwt]\nsecrets = []']) {
    it(`refuses everybody when no secret is left, and says so: ${auth.replaceAll('\n', ' ')}`, async () => {
      const { config, warnings } = load(`${auth}\n`);
      assert.match(warnings.join('\n'), /EVERY CALL IS REFUSED/);
      const { shard, adminOptions } = nodeSettings(config, '1');
      assert.equal(shard.auth.required, true);
      await assert.rejects(async () => adminOptions.authorize?.('Bearer x'), { code: 'unauthenticated' });
    });
  }

  it('lets a user of a token into the admin port', () => {
    const { adminOptions } = nodeSettings(load('[users.a]\ntokens = ["t"]\n').config, '1');
    assert.deepEqual(adminOptions.authorize?.('Bearer t'), { name: 'a', kind: 'token' });
  });

  it('gives the threads digests of its tokens, never the tokens', () => {
    const { shard } = nodeSettings(load('[users.a]\ntokens = ["hunter2"]\n').config, '1');
    assert.ok(!JSON.stringify(shard).includes('hunter2'));
    assert.match(shard.auth.tokens[0].digest, /^[0-9a-f]{64}$/);
  });
});

describe('the port for metrics', () => {
  it('is one of its own, without REST and without tokens', () => {
    const { adminAddresses } = nodeSettings(load('[prometheus]\nhttp_address = "127.0.0.1:9"\n').config, '1');
    assert.deepEqual(adminAddresses[1], { host: '127.0.0.1', port: 9, routes: 'observation', metricsAuth: false });
  });

  it('becomes one with the admin port when both have the same number', () => {
    const toml = '[prometheus]\nhttp_address = "0.0.0.0:8080"\n[users.a]\ntokens = ["t"]\n';
    const { config, warnings } = load(toml);
    const { adminAddresses } = nodeSettings(config, '1');
    assert.deepEqual(adminAddresses, [{ host: '0.0.0.0', port: 8080, routes: 'all', metricsAuth: false }]);
    assert.match(warnings.join('\n'), /REST is served on 0\.0\.0\.0:8080, too/);
  });

  it('may be any free one beside an admin port that is', () => {
    const toml = '[node]\nadmin_address = "127.0.0.1:0"\n[prometheus]\nhttp_address = "127.0.0.1:0"\n';
    assert.equal(nodeSettings(load(toml).config, '1').adminAddresses.length, 2);
  });
});

describe('memory for messages', () => {
  it('is divided over the shards', () => {
    const { shard } = nodeSettings(load('[node]\nshards = 4\nmemory_limit = "1GiB"\n').config, '1');
    assert.equal(shard.memoryBytesMax, 2 ** 28);
  });

  it('is a share of what the machine has', () => {
    const half = nodeSettings(load('[node]\nshards = 1\nmemory_limit = "50%"\n').config, '1').shard.memoryBytesMax;
    const whole = nodeSettings(load('[node]\nshards = 1\nmemory_limit = "100%"\n').config, '1').shard.memoryBytesMax;
    assert.ok(Math.abs(whole - 2 * half) <= 1);
  });
});

describe('parseAddress()', () => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ['127.0.0.1:4848', '127.0.0.1:4848'],
    ['[::1]:4848', '[::1]:4848'],
    [':4848', '0.0.0.0:4848'],
    ['*:4848', '0.0.0.0:4848'],
    ['http://127.0.0.1:4848/', '127.0.0.1:4848'],
    ['grpc://host-1.example:0', 'host-1.example:0'],
    ['4848', undefined],
    ['127.0.0.1', undefined],
    ['::1:4848', undefined],
    ['[::1]', undefined],
    ['[x]:1', undefined],
    ['a b:1', undefined],
    ['host:65536', undefined],
    ['host:-1', undefined],
    ['http://host:1/path', undefined],
  ];
  for (const [text, expected] of table) {
    it(`"${text}" is ${expected}`, () => {
      const address = parseAddress(text);
      assert.equal(address && formatAddress(address), expected);
    });
  }
});
