import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { loadConfig } from '../../config/load.ts';
import { envName, flagName, flagProperty } from '../../config/option.ts';
import { ALL_OPTIONS, OPTIONS } from '../../config/options.ts';
import { QUEUE_OPTIONS } from '../../config/queue-option-table.ts';
import { QUEUE_DEFAULTS } from '../../src/core/queue-options.ts';
import { nodeSettings } from '../../src/node-settings.ts';
import { load, problemsOf } from './support.ts';

/** A value for every option that has a flag: as text, as TOML, and as it is loaded. */
const SAMPLES: Readonly<Record<string, { readonly text: string; readonly toml: string; readonly loaded: unknown }>> = {
  'node.name': { text: 'n', toml: '"n"', loaded: 'n' },
  'node.grpc_address': { text: '127.0.0.1:1', toml: '"127.0.0.1:1"', loaded: { host: '127.0.0.1', port: 1 } },
  'node.admin_address': { text: '[::1]:2', toml: '"[::1]:2"', loaded: { host: '::1', port: 2 } },
  'node.http_address': { text: 'localhost:3', toml: '"http://localhost:3/"', loaded: { host: 'localhost', port: 3 } },
  'node.shards': { text: '3', toml: '3', loaded: 3 },
  'node.pin_threads': { text: 'true', toml: 'true', loaded: true },
  'node.data_dir': { text: '/data', toml: '"/data"', loaded: '/data' },
  'node.shutdown_timeout': { text: '1m', toml: '60', loaded: 60_000 },
  'node.memory_limit': { text: '1GiB', toml: '"1GiB"', loaded: { kind: 'bytes', bytes: 2 ** 30 } },
  'cluster.name': { text: 'east', toml: '"east"', loaded: 'east' },
  'cluster.address': { text: '127.0.0.1:4849', toml: '"127.0.0.1:4849"', loaded: { host: '127.0.0.1', port: 4849 } },
  'cluster.advertise': { text: '10.0.0.9:4849', toml: '"10.0.0.9:4849"', loaded: { host: '10.0.0.9', port: 4849 } },
  'cluster.seeds': { text: 'a:1,b:2', toml: '["a:1", "b:2"]', loaded: ['a:1', 'b:2'] },
  'cluster.dns': { text: 'nodes:4849', toml: '["nodes:4849"]', loaded: ['nodes:4849'] },
  'auth.anonymous': { text: 'true', toml: 'true', loaded: true },
  'limits.message_bytes': { text: '1_000_000', toml: '"1MB"', loaded: 1_000_000 },
  'limits.connections': { text: '5', toml: '5', loaded: 5 },
  'limits.streams_per_connection': { text: '6', toml: '6', loaded: 6 },
  'tracing.level': { text: 'WARN', toml: '"warn,hsmq=debug"', loaded: 'warn' },
  'tracing.with_ansi': { text: '1', toml: 'true', loaded: true },
  'prometheus.http_address': { text: '127.0.0.1:9', toml: '"127.0.0.1:9"', loaded: { host: '127.0.0.1', port: 9 } },
  'prometheus.url': { text: '/m', toml: '"/m"', loaded: '/m' },
  'queue_defaults.limit': { text: '7', toml: '7', loaded: 7 },
  'queue_defaults.overflow': { text: 'block', toml: '"block"', loaded: 'block' },
  'queue_defaults.ack_timeout': { text: '90', toml: '{ m = 1, s = 30 }', loaded: 90_000 },
  'queue_defaults.max_deliveries': { text: '8', toml: '8', loaded: 8 },
  'queue_defaults.dead_letter_queue': { text: 'dead', toml: '"dead"', loaded: 'dead' },
  'queue_defaults.message_ttl': { text: '2d', toml: '{ d = 2 }', loaded: 172_800_000 },
  'queue_defaults.delay': { text: '0.5', toml: '0.5', loaded: 500 },
  'queue_defaults.dedup_window': { text: '250ms', toml: '{ ms = 250 }', loaded: 250 },
  'queue_defaults.idle_ttl': { text: '1h', toml: '{ h = 1 }', loaded: 3_600_000 },
  'queue_defaults.prefetch_count': { text: '9', toml: '9', loaded: 9 },
};

/** Their files are read: they are tested in tls.test.ts. */
const TLS_KEYS = Object.keys(OPTIONS).filter((key) => key.startsWith('tls.'));

function valueAt(loaded: ReturnType<typeof load>, key: string): unknown {
  const { options, queueDefaults } = loaded.config;
  const [section, name] = key.split('.');
  return section === 'queue_defaults'
    ? (queueDefaults as unknown as Record<string, unknown>)[name]
    : (options as unknown as Record<string, unknown>)[key];
}

const tomlOf = (key: string, value: string): string => {
  const at = key.lastIndexOf('.');
  return `[${key.slice(0, at)}]\n${key.slice(at + 1)} = ${value}\n`;
};

describe('every option', () => {
  it('with a flag has a sample here', () => {
    const keys = Object.keys(ALL_OPTIONS).filter((key) => ALL_OPTIONS[key].fileOnly !== true);
    assert.deepEqual(keys.filter((key) => !TLS_KEYS.includes(key)).sort(), Object.keys(SAMPLES).sort());
  });

  it('has a flag and a variable of its own', () => {
    const keys = Object.keys(ALL_OPTIONS);
    assert.equal(new Set(keys.map((key) => flagName(key, ALL_OPTIONS[key]))).size, keys.length);
    assert.equal(new Set(keys.map(envName)).size, keys.length);
  });

  for (const [key, { text, toml, loaded }] of Object.entries(SAMPLES)) {
    it(`${key} comes from the file, the environment and a flag, the later before the earlier`, () => {
      const file = tomlOf(key, toml);
      const env = { [envName(key)]: text };
      const flags = { [flagProperty(flagName(key, ALL_OPTIONS[key]))]: text };
      const fromFile = load(file);
      assert.deepEqual([valueAt(fromFile, key), fromFile.sources[key]], [loaded, 'file']);
      const fromEnv = load(file, { env });
      assert.deepEqual([valueAt(fromEnv, key), fromEnv.sources[key]], [loaded, 'env']);
      const fromFlag = load(file, { env, flags });
      assert.deepEqual([valueAt(fromFlag, key), fromFlag.sources[key]], [loaded, 'flag']);
      const byDefault = load('', { env: { [envName(key)]: '' } });
      assert.deepEqual([valueAt(byDefault, key), byDefault.sources[key]], [ALL_OPTIONS[key].default, 'default']);
    });
  }

  it('of a queue has the default that the core has', () => {
    const { queues } = nodeSettings(load('[[queues]]\nname = "a"\n').config, '1');
    assert.deepEqual(queues, [{ ...QUEUE_DEFAULTS, name: 'a' }]);
    assert.equal(Object.keys(QUEUE_OPTIONS).length, Object.keys(QUEUE_DEFAULTS).length - 1);
  });

  it('works without a file', () => {
    const { config, warnings } = loadConfig({ env: {}, readFile: () => assert.fail('no file is read') });
    assert.deepEqual(config.options['node.grpc_address'], { host: '127.0.0.1', port: 4848 });
    assert.deepEqual(warnings, []);
  });
});

describe('precedence', () => {
  const toml = '[node]\nshards = 1\n';
  it('is flag, environment, file, default', () => {
    const env = { RINGMQ_NODE_SHARDS: '2' };
    assert.equal(load('').config.options['node.shards'], 0);
    assert.equal(load(toml).config.options['node.shards'], 1);
    assert.equal(load(toml, { env }).config.options['node.shards'], 2);
    assert.equal(load(toml, { env, flags: { shards: '3' } }).config.options['node.shards'], 3);
  });

  it('hides no mistake: a bad value in the file is told although a flag covers it', () => {
    const problems = problemsOf('[node]\nshards = "many"\n', { flags: { shards: '3' } });
    assert.match(problems[0], /^node\.toml:2: Cannot use key "node\.shards": expected a whole number/);
  });

  it('a flag without a value switches on', () => {
    assert.equal(load('', { flags: { authAnonymous: true } }).config.options['auth.anonymous'], true);
  });
});

describe('examples', () => {
  for (const name of ['hsmq', 'ringmq']) {
    it(`config/examples/${name}.toml starts a node`, () => {
      const path = `config/examples/${name}.toml`;
      const { config } = loadConfig({ tomlPath: path, env: {}, readFile: (file) => readFileSync(file, 'utf8') });
      const settings = nodeSettings(config, '1');
      assert.ok(settings.queues.length >= 2);
      assert.ok(settings.shards >= 1);
      assert.doesNotThrow(() => structuredClone(settings.shard));
    });
  }

  it('of hsmq: what is not there is told, loudly', () => {
    const path = 'config/examples/hsmq.toml';
    const { config, warnings } = loadConfig({
      tomlPath: path,
      env: {},
      readFile: (file) => readFileSync(file, 'utf8'),
    });
    const text = warnings.join('\n');
    for (const said of [
      /queue "events": accepted, but NOT STARTED/,
      /\[redis\]: accepted, NOT STARTED/,
      /\[sentry\]: accepted, not used/,
      /\[consul\]: accepted, not used/,
      /QUEUE_JWT_SECRET is not set/,
      /EVERY CALL IS REFUSED/,
    ]) {
      assert.match(text, said);
    }
    assert.ok(!text.includes('QUEUE_JWT_SECRET_REVOKED'), 'a withdrawn secret is not missed');
    assert.deepEqual(
      config.queues.map(({ name, ack_timeout }) => [name, ack_timeout]),
      [
        ['mail', 120_000],
        ['audit', 1500],
      ],
    );
  });
});

describe('secrets in a loaded configuration', () => {
  it('do not show in any printing of it', () => {
    const { config } = load('[auth.jwt]\nsecrets = ["hunter2"]\n[users.a]\ntokens = ["hunter2"]\n');
    for (const text of [
      inspect(config, { depth: 9 }),
      JSON.stringify(config),
      String(config.users[0].tokens[0].secret),
    ]) {
      assert.ok(!text.includes('hunter2'));
      assert.match(text, /\*\*\*/);
    }
    assert.equal(config.users[0].tokens[0].secret.reveal(), 'hunter2');
  });
});
