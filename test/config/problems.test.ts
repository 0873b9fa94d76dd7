import assert from 'node:assert/strict';
import { load, problemsOf } from './support.ts';

describe('a configuration with mistakes', () => {
  const unknown: readonly (readonly [string, string])[] = [
    [
      '[node]\ngrpc_adress = "x"',
      'node.toml:2: Cannot use key "node.grpc_adress": it is not an option; did you mean "node.grpc_address"?',
    ],
    [
      '[frobnication]\nname = "x"',
      'node.toml:1: Cannot use key "frobnication": it is not a section, expected one of node, tls, cluster, auth, ' +
        'limits, tracing, prometheus, client, sentry, consul, queue_defaults, queues, users, redis, vault',
    ],
    [
      '[tracing]\nlevl = "info"',
      'node.toml:2: Cannot use key "tracing.levl": it is not an option; did you mean "tracing.level"?',
    ],
    [
      '[limits]\nfrobnication = 1',
      'node.toml:2: Cannot use key "limits.frobnication": it is not an option, expected one of ' +
        'limits.message_bytes, limits.connections, limits.streams_per_connection',
    ],
    ['grpc_address = "x"', 'did you mean "node.grpc_address"?'],
    ['[auth.jwtt]\nsecrets = []', 'did you mean "auth.jwt"?'],
    ['[[queue]]\nname = "a"', 'did you mean "queues"?'],
    ['[user.a]\ntokens = []', 'did you mean "users"?'],
    ['[users.a]\ntoken = []', 'Cannot use "users.a": "token" is not an option; did you mean "tokens"?'],
    ['[[queues]]\nname = "a"\nacktimeout = 1', 'queue "a": "acktimeout" is not an option; did you mean "ack_timeout"?'],
    ['[[queues]]\nname = "a"\nfrobnication = 1', '"frobnication" is not an option, expected one of type, name, topics'],
    ['node = 1', 'Cannot use key "node": it is a section: expected [node]'],
  ];
  for (const [toml, said] of unknown) {
    it(`names the unknown key and the nearest right one: ${toml.replaceAll('\n', ' ')}`, () => {
      const problems = problemsOf(toml);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.ok(problems[0].includes(said), problems[0]);
    });
  }

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['[node]\nname = 1', /key "node\.name": expected a text, received 1/],
    [`[node]\nname = "${'ä'.repeat(128)}"`, /key "node\.name": expected a text of 1 to 255 bytes/],
    ['[node]\nname = ""', /expected a text of 1 to 255 bytes/],
    ['[node]\ngrpc_address = "4848"', /expected an address like .*, received "4848"/],
    ['[node]\ngrpc_address = "localhost:70000"', /expected an address/],
    ['[node]\ngrpc_address = "[localhost]:1"', /expected an address/],
    ['[node]\nshards = 1.5', /expected a whole number from 0 to 64, received 1\.5/],
    ['[node]\nshards = 65', /from 0 to 64, received 65/],
    ['[node]\nshutdown_timeout = "10s"', /expected a duration: seconds, or a table of d, h, m, s, ms/],
    ['[node]\nshutdown_timeout = { min = 1 }', /expected a duration.*received a table/],
    ['[node]\nmemory_limit = "120%"', /a share of the memory like "70%", received "120%"/],
    ['[node]\nmemory_limit = 0', /expected bytes/],
    ['[limits]\nmessage_bytes = "1 parsec"', /expected bytes from 4096 to/],
    ['[limits]\nmessage_bytes = "1GiB"', /expected bytes from 4096 to/],
    ['[auth]\nanonymous = "yes"', /expected true or false, received "yes"/],
    ['[tracing]\nlevel = "loud"', /expected one of trace, debug, info, warn, error, off/],
    ['[prometheus]\nlabels = { a = 1 }', /expected a table of texts/],
    ['[consul.service]\ntags = [1]', /expected a list of texts, received a list/],
    ['[sentry]\nsample_rate = 2.0', /expected a number from 0 to 1, received 2/],
    ['[queue_defaults]\noverflow = "drop"', /expected one of "drop-oldest", "reject", "block", received "drop"/],
    ['users = 1', /"users": it is a section/],
    ['users.a = 1', /"users\.a": expected a section with tokens/],
    ['queues = 1', /"queues": it is a list of sections: expected \[\[queues\]\]/],
    ['queues = [1]', /queue 1: expected a section/],
    ['[[queues]]\ntopics = []', /queue 1: it needs a name/],
    ['[[queues]]\nname = ""', /expected a name of 1 to 255 bytes, received 0/],
    [`[[queues]]\nname = "${'ä'.repeat(128)}"`, /expected a name of 1 to 255 bytes, received 256/],
    ['[[queues]]\nname = "a\\nb"', /expected a name without control characters/],
    ['[[queues]]\nname = "a"\ntopics = "t"', /queue "a": topics: expected a list of texts, received "t"/],
    ['[[queues]]\nname = "a"\ntopics = [""]', /expected a topic of 1 to 255 bytes/],
    ['[[queues]]\nname = "a"\ntype = "Disk"', /queue "a": expected type "InMemory" or "RedisStream"/],
    ['[[queues]]\nname = "a"\nlimit = 0', /limit of queue "a": expected a whole number of at least 1, received 0/],
    ['[[queues]]\nname = "a"\nlimit = -5', /at least 1, received -5/],
    ['[[queues]]\nname = "a"\nprefetch_count = 100000', /prefetch_count of queue "a": .* from 1 to 65535/],
    ['[[queues]]\nname = "a"\n[[queues]]\nname = "a"', /queue "a": two queues have this name/],
    ['[[queues]]\nname = "a"\ndead_letter_queue = "a"', /a queue cannot be its own dead-letter queue/],
    ['[node]\ngrpc_address = "127.0.0.1:8080"', /Cannot listen on 127\.0\.0\.1:8080 for node\.admin_address/],
    ['[auth.jwt]\nsecrets = "x"', /expected a list of secrets/],
    ['[tls]\ncert = "missing.pem"', /key "tls\.cert": the file "missing\.pem" cannot be read: it does not exist/],
    ['[prometheus]\nurl = "/ready"', /key "prometheus\.url": expected a path like "\/metrics", other than \/health/],
    ['[prometheus]\nlabels = { a-b = "x" }', /expected a table of texts under names of letters, digits and _/],
    ['[tls]\nrequire_client_certificate = true', /it needs tls\.client_ca/],
    ['[tls]\nkey = "-----BEGIN PRIVATE KEY-----"', /expected the path of a PEM file, received its content/],
    ['[sentry]\ndsn = 5', /key "sentry\.dsn": expected a text or a table/],
    ['[consul.service]\ncheck = "x"', /expected a section with name, interval, http, grpc/],
    ['[consul.service.check]\ntcp = "x"', /"tcp" is none of them/],
    ['[consul.service.check]\nhttp = 5', /expected http to be a text/],
    ['[cluster.jwt]\nsecret = "x"', /expected a section with secrets alone/],
  ];
  for (const [toml, said] of wrong) {
    it(`says what would be right: ${toml.slice(0, 60).replaceAll('\n', ' ')}`, () => {
      assert.match(problemsOf(toml).join('\n'), said);
    });
  }

  it('tells all its mistakes at once, each with its place', () => {
    const problems = problemsOf('[node]\nshards = -1\nnam = "x"\n[[queues]]\nname = "a"\nlimit = 0\n', {
      env: { RINGMQ_TRACING_LEVEL: 'loud' },
      flags: { grpcAddress: 'nowhere' },
    });
    assert.equal(problems.length, 5);
    assert.match(problems.join('\n'), /environment: Cannot use RINGMQ_TRACING_LEVEL: expected/);
    assert.match(problems.join('\n'), /command line: Cannot use --grpc-address: expected an address/);
  });

  it('tells the line of each in its file', () => {
    const problems = problemsOf(`[node]
name = """
shards = "x"
"""
shards = -1

[auth.jwt]
secrets = [
  "a # b ] = c",
  5,
]
[[queues]]
name = "a"
[[queues]]
name = "b"   # limit = 1
topics = ["x"]
limit = 0
acktimeout = 1
[users.alice]
tokens = [{ envv = "X" }]
token = []
`);
    const lines = problems.map((problem) => /^node\.toml:(\d+): Cannot use (.*?):/.exec(problem)?.slice(1).join(' '));
    assert.deepEqual(lines, [
      '5 key "node.shards"',
      '8 entry 2 of key "auth.jwt.secrets"',
      '18 queue "b"',
      '17 limit of queue "b"',
      '21 "users.alice"',
      '20 entry 1 of "users.alice.tokens"',
    ]);
  });

  it('that is no TOML is told with line and column, and no line of it is quoted', () => {
    const [problem] = problemsOf('[auth.jwt]\nsecrets = ["hunter2\n');
    assert.match(problem, /^node\.toml:2:\d+: Cannot read the file: Invalid TOML/);
    assert.ok(!problem.includes('hunter2'));
    assert.match(problemsOf('a = 1\na = 2')[0], /^node\.toml:2:1: /);
  });

  it('warns of a variable that is nearly one of ours', () => {
    const { warnings } = load('', { env: { RINGMQ_NODE_GRPC_ADRESS: 'x', RINGMQ_OTHER_PROGRAM_HOME: 'y', HOME: '/' } });
    assert.deepEqual(warnings, [
      'environment: RINGMQ_NODE_GRPC_ADRESS is not an option; did you mean RINGMQ_NODE_GRPC_ADDRESS?',
    ]);
  });
});

describe('queues', () => {
  it('take what they do not say from [queue_defaults], and a topic once', () => {
    const { config } = load(
      '[queue_defaults]\nlimit = 5\ndead_letter_queue = "b"\n' +
        '[[queues]]\nname = "a"\ntopics = ["t", "t"]\n[[queues]]\nname = "b"\nlimit = 6\n',
    );
    assert.deepEqual(
      config.queues.map(({ name, topics, limit, dead_letter_queue }) => ({ name, topics, limit, dead_letter_queue })),
      [
        { name: 'a', topics: ['t'], limit: 5, dead_letter_queue: 'b' },
        { name: 'b', topics: [], limit: 6, dead_letter_queue: '' },
      ],
    );
  });

  it('may name a dead-letter queue that is not there, with a warning', () => {
    const { warnings } = load('[[queues]]\nname = "a"\ndead_letter_queue = "dead"\n');
    assert.match(warnings[0], /there is no queue "dead": dead messages are dropped until it is declared/);
  });

  it('of Redis may have any key, and are left out', () => {
    const { config, warnings } = load(
      '[[queues]]\ntype = "RedisStream"\nname = "r"\nbody_fieldname = "body"\ngroup = "g"\nstreams = ["s"]\n' +
        '[vault]\nuri = "x"\n',
    );
    assert.deepEqual(config.queues, []);
    assert.equal(warnings.length, 2);
  });

  it('lets no node join over a network without a key, and no key be guessed', () => {
    const open = '[cluster]\naddress = "10.0.0.1:4849"\n';
    assert.match(problemsOf(open).join(), /beyond loopback the nodes need cluster.key/);
    assert.match(problemsOf(`${open}key = "short"`).join(), /expected 16 bytes or more/);
    assert.ok(!problemsOf(`${open}key = "short"`).join().includes('"short"'));
    assert.throws(() => problemsOf(`${open}key = "0123456789abcdef"`), /was taken/);
    assert.throws(() => problemsOf(`[cluster]\naddress = "127.0.0.1:0"`), /was taken/);
  });
});
