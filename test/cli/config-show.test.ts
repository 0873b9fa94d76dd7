import assert from 'node:assert/strict';
import fc from 'fast-check';
import { stringify } from 'smol-toml';
import { loadConfig } from '../../config/load.ts';
import { HIDDEN } from '../../config/option.ts';
import type { Config, LoadedConfig } from '../../config/types.ts';
import { DURATION_MS_MAX } from '../../src/base/duration.ts';
import { configShow } from '../../src/cli/config-command.ts';

interface Shown {
  readonly options: Readonly<Record<string, { readonly value: unknown }>>;
  readonly queues: readonly Readonly<Record<string, unknown>>[];
}

const name = fc.stringMatching(/^[a-z][a-z0-9. é"\\-]{0,20}$/);
const count = fc.integer({ min: 1, max: 2 ** 31 });
const duration = fc.integer({ min: 0, max: DURATION_MS_MAX }).map((ms) => ({ ms }));
/** Ports that never meet, as two doors on one port are refused. */
const address = (port: number) => fc.constantFrom(`127.0.0.1:${port}`, `[::1]:${port}`, `0.0.0.0:${port}`, `:${port}`);

const QUEUE_VALUES = {
  limit: count,
  overflow: fc.constantFrom('drop-oldest', 'reject', 'block'),
  ack_timeout: duration,
  max_deliveries: count,
  dead_letter_queue: fc.constant('elsewhere'),
  message_ttl: duration,
  delay: duration,
  dedup_window: duration,
  idle_ttl: duration,
  prefetch_count: fc.integer({ min: 1, max: 65_535 }),
};

const QUEUE = fc
  .tuple(name, fc.uniqueArray(name), fc.record(QUEUE_VALUES, { requiredKeys: [] }))
  .map(([queue, topics, values]) => ({ name: queue, topics, ...values }));

/** Any file without secrets, which are shown as ***. */
const FILE = fc.record(
  {
    node: fc.record(
      {
        name,
        grpc_address: address(1),
        admin_address: address(2),
        http_address: address(3),
        shards: fc.integer({ min: 0, max: 64 }),
        data_dir: name,
        shutdown_timeout: duration,
        memory_limit: fc.oneof(
          count,
          fc.integer({ min: 1, max: 100 }).map((share) => `${share}%`),
          fc.constant('1GiB'),
        ),
      },
      { requiredKeys: [] },
    ),
    auth: fc.record({ anonymous: fc.boolean() }),
    limits: fc.record(
      { message_bytes: fc.constantFrom(4096, 65_536, '1MB'), connections: count },
      { requiredKeys: [] },
    ),
    tracing: fc.record({ level: fc.constantFrom('INFO', 'off', 'warn,hsmq=debug'), with_ansi: fc.boolean() }),
    prometheus: fc.record({ http_address: address(4), labels: fc.constant({ zone: 'a "b"' }) }, { requiredKeys: [] }),
    cluster: fc.record({ name, udp_port: fc.integer({ min: 0, max: 65_535 }) }, { requiredKeys: [] }),
    sentry: fc.record({ sample_rate: fc.double({ min: 0, max: 1, noNaN: true }) }),
    consul: fc.record({ service: fc.record({ name, tags: fc.array(name) }, { requiredKeys: [] }) }),
    queue_defaults: fc.record(QUEUE_VALUES, { requiredKeys: [] }),
    queues: fc.uniqueArray(QUEUE, { selector: (queue) => queue.name, maxLength: 4 }),
  },
  { requiredKeys: [] },
);

function load(toml: string): LoadedConfig {
  return loadConfig({ tomlPath: 'node.toml', env: {}, readFile: () => toml });
}

function shown(toml: string): Shown {
  const printed: string[] = [];
  const io = { env: {}, readFile: () => toml, print: (text: string) => void printed.push(text), note: () => undefined };
  assert.equal(configShow('node.toml', { ...io, json: true }), 0);
  return JSON.parse(printed.join('\n')) as Shown;
}

/** The file that says all that was shown. */
function fileOf({ options, queues }: Shown): string {
  const root: Record<string, unknown> = { queues };
  for (const [key, { value }] of Object.entries(options)) {
    if (value === null || value === HIDDEN) continue;
    const parts = key.split('.');
    const last = parts.pop() as string;
    let section = root;
    for (const part of parts) {
      section[part] ??= {};
      section = section[part] as Record<string, unknown>;
    }
    section[last] = value;
  }
  return stringify(root);
}

function comparable({ options, queueDefaults, queues, users }: Config): unknown {
  // The parser's tables have no prototype.
  return structuredClone({ ...options, queueDefaults, queues, users });
}

describe('ringmq config show --json', () => {
  it('prints values that a file may have, and a file that has them means the same', () => {
    fc.assert(
      fc.property(FILE, (file) => {
        const toml = stringify(file);
        const again = fileOf(shown(toml));
        assert.deepEqual(comparable(load(again).config), comparable(load(toml).config));
      }),
    );
  });
});
