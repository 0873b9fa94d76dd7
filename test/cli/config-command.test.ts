import assert from 'node:assert/strict';
import { type ConfigIo, configCheck, configShow } from '../../src/cli/config-command.ts';

const TOML = `[node]
shards = 2
[auth.jwt]
secrets = ["hunter2hunter2hunter2hunter2hunter2"]
[users.alice]
tokens = ["hunter2"]
[[queues]]
name = "a"
topics = ["t"]
limit = 5
`;

function fakeIo(toml: string) {
  const printed: string[] = [];
  const noted: string[] = [];
  const io: ConfigIo = {
    env: { RINGMQ_TRACING_LEVEL: 'debug' },
    flags: { dataDir: '/data' },
    readFile: () => toml,
    print: (text) => void printed.push(text),
    note: (text) => void noted.push(text),
  };
  return { io, printed, noted };
}

describe('ringmq config check', () => {
  it('says ok and what is in it', () => {
    const { io, printed } = fakeIo(TOML);
    assert.equal(configCheck('node.toml', io), 0);
    assert.deepEqual(printed, ['ok: 1 queues, 1 users, 0 warnings']);
  });

  it('tells every problem and ends with 2', () => {
    const { io, printed, noted } = fakeIo('[node]\nnam = 1\nshards = -1\n');
    assert.equal(configCheck('node.toml', io), 2);
    assert.deepEqual(printed, []);
    assert.equal(noted.length, 2);
    assert.match(noted[0], /^error: node\.toml:\d: Cannot use key "node\.(nam|shards)"/);
  });

  it('tells warnings, and is content all the same', () => {
    const { io, printed, noted } = fakeIo('[sentry]\nenv = "x"\n');
    assert.equal(configCheck('node.toml', io), 0);
    assert.deepEqual(noted, ['warning: [sentry]: accepted, not used by this version']);
    assert.match(printed[0], /1 warnings$/);
  });
});

describe('ringmq config show', () => {
  it('shows every value in force and where it comes from, secrets as ***', () => {
    const { io, printed } = fakeIo(TOML);
    assert.equal(configShow('node.toml', { ...io, json: false }), 0);
    const text = printed.join('\n');
    assert.match(text, /^node\.shards +2 +file +RINGMQ_NODE_SHARDS$/m);
    assert.match(text, /^tracing\.level +debug +env /m);
    assert.match(text, /^node\.data_dir +\/data +flag /m);
    assert.match(text, /^node\.grpc_address +127\.0\.0\.1:4848 +default /m);
    assert.match(text, /^auth\.jwt\.secrets +\*\*\* +file$/m);
    assert.match(text, /^users\.alice +1 tokens/m);
    assert.match(text, /^queue a +topics=t limit=5/m);
    assert.ok(!text.includes('hunter2'));
  });

  it('shows the same as JSON', () => {
    const { io, printed } = fakeIo(TOML);
    assert.equal(configShow('node.toml', { ...io, json: true }), 0);
    const shown = JSON.parse(printed[0]) as { options: Record<string, unknown>; queues: unknown[]; users: unknown };
    assert.deepEqual(shown.options['node.shards'], { value: 2, origin: 'file' });
    assert.deepEqual(shown.options['auth.jwt.secrets'], { value: '***', origin: 'file' });
    assert.deepEqual(shown.users, [{ name: 'alice', tokens: 1 }]);
    assert.deepEqual(shown.queues[0], { ...(shown.queues[0] as object), name: 'a', limit: 5, ack_timeout: 60 });
    assert.ok(!printed[0].includes('hunter2'));
  });
});
