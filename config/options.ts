// The table of every option of a node, by TOML key. Users, queues and what belongs to Redis have keys of their own
// and are read in users.ts and queues.ts. Order is that of --help and the README.
// Lives on: main.
import { hostname } from 'node:os';
import {
  DELIVERY_OVERHEAD_BYTES_MAX,
  GRPC_LIMITS,
  MESSAGE_BYTES_CEILING,
  MESSAGE_BYTES_FLOOR,
  NODE_NAME_BYTES_MAX,
  SHARDS_MAX,
} from '../src/base/limits.ts';
import { LOG_LEVELS, logLevelOf } from '../src/base/log-level.ts';
import { CLUSTER_OPTIONS } from './cluster-option-table.ts';
import { pemFile } from './file-option.ts';
import { HSMQ_OPTIONS } from './hsmq-option-table.ts';
import type { Option, OptionTable, ValuesOf } from './option.ts';
import {
  address,
  boolean,
  bytes,
  duration,
  integer,
  isTable,
  memory,
  readText,
  text,
  textTable,
} from './option-types.ts';
import { ValueProblem } from './problem.ts';
import { QUEUE_OPTIONS } from './queue-option-table.ts';
import type { NamedSecret } from './secret.ts';
import { readSecrets } from './secret-reader.ts';

/** The name of a label, as Prometheus has them. */
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

const jwtSecrets: Option<readonly NamedSecret[]> = {
  default: [],
  help: 'secrets of the JWTs (HS256) that are let in: texts, or { env | file [, json_field, name, default, disable] }',
  argument: '<secrets>',
  fileOnly: true,
  secret: true,
  read: readSecrets,
  parse: (given) => given,
  show: (secrets) => secrets,
};

const logLevel: Option<string> = {
  ...text({
    default: 'info',
    help: `least important events that are logged: ${LOG_LEVELS.join(', ')}`,
    cost: 'debug and trace write a line for every connection',
    flag: 'log-level',
  }),
  argument: '<level>',
  read: (value) => {
    const level = typeof value === 'string' ? logLevelOf(value) : undefined;
    if (level === undefined) throw new ValueProblem(`expected one of ${LOG_LEVELS.join(', ')}`);
    return level;
  },
};

const nodeName: Option<string> = {
  ...text({ default: hostname(), help: 'name of the node, in logs and message metadata' }),
  read: (value) => {
    const name = readText(value);
    const bytes = Buffer.byteLength(name);
    if (bytes === 0 || bytes > NODE_NAME_BYTES_MAX)
      throw new ValueProblem(`expected a text of 1 to ${NODE_NAME_BYTES_MAX} bytes`);
    return name;
  },
};

/** A path of the admin port that nothing else has. */
const metricsPath: Option<string> = {
  ...text({ default: '/metrics', help: 'path of the metrics' }),
  read: (value) => {
    const free = typeof value === 'string' && /^\/[\w./~-]+$/.test(value) && !/^\/(health|ready|api\/.*)$/.test(value);
    if (!free) throw new ValueProblem('expected a path like "/metrics", other than /health, /ready and /api');
    return value;
  },
};

const metricsLabels: Option<Readonly<Record<string, string>>> = {
  ...textTable({ default: {}, help: 'labels of every metric, besides its own' }),
  read: (value) => {
    const isLabels =
      isTable(value) && Object.entries(value).every(([name, text]) => LABEL.test(name) && typeof text === 'string');
    if (!isLabels) throw new ValueProblem('expected a table of texts under names of letters, digits and _');
    return value as Readonly<Record<string, string>>;
  },
};

export const OPTIONS = {
  'node.name': nodeName,
  'node.grpc_address': address({
    default: { host: '127.0.0.1', port: 4848 },
    help: 'where gRPC clients connect',
  }),
  'node.admin_address': address({
    default: { host: '127.0.0.1', port: 8080 },
    help: 'REST, metrics, health',
  }),
  'node.http_address': address({
    default: undefined,
    help: "hsmq's earlier name of prometheus.http_address",
  }),
  'node.shards': integer({
    default: 0,
    max: SHARDS_MAX,
    help: 'threads that serve connections and queues; 0 = one for each core',
    cost: 'each pair of shards shares two rings of 2 MiB',
  }),
  'node.pin_threads': boolean({
    default: false,
    help: 'keep each shard on a core of its own (needs the native helper)',
    cost: 'a shard waits when another process has its core',
  }),
  'node.data_dir': text({
    default: undefined,
    help: 'folder of the catalog of queues declared at run time; none = they end with the node',
  }),
  'node.shutdown_timeout': duration({
    default: 30_000,
    help: 'how long a stopping node serves its consumers',
    cost: 'a stop takes that long while messages are left',
  }),
  'node.memory_limit': memory({
    default: { kind: 'share', percent: 70 },
    help: 'memory for messages, over all shards; beyond it publishes are refused',
    cost: 'what is left is for connections and the runtime',
  }),
  'tls.cert': pemFile({ default: undefined, help: 'certificate of the gRPC port, PEM; with tls.key: TLS only' }),
  'tls.key': pemFile({ default: undefined, help: 'private key of the certificate, PEM' }),
  'tls.client_ca': pemFile({
    default: undefined,
    help: 'who signs client certificates, PEM: a certificate is an identity',
  }),
  'tls.require_client_certificate': boolean({ default: false, help: 'refuse clients without a certificate' }),
  ...CLUSTER_OPTIONS,
  'auth.anonymous': boolean({ default: false, help: 'listen beyond loopback although nobody is asked who they are' }),
  'auth.jwt.secrets': jwtSecrets,
  'limits.message_bytes': bytes({
    default: GRPC_LIMITS.messageBytesMax,
    min: MESSAGE_BYTES_FLOOR,
    max: MESSAGE_BYTES_CEILING,
    help: `largest message, with up to ${DELIVERY_OVERHEAD_BYTES_MAX} bytes that a delivery adds to it`,
    cost: 'clients must be told to receive more than 4 MiB',
  }),
  'limits.connections': integer({
    default: GRPC_LIMITS.connectionsMax,
    min: 1,
    help: 'open connections of one shard',
    cost: 'each costs about 40 KiB and a file descriptor',
  }),
  'limits.streams_per_connection': integer({
    default: GRPC_LIMITS.streamsPerConnectionMax,
    min: 1,
    max: GRPC_LIMITS.streamsMax,
    help: 'open streams of one connection',
    cost: 'an idle one costs about 8 KiB',
  }),
  'tracing.level': logLevel,
  'tracing.with_ansi': boolean({
    default: false,
    help: 'coloured lines in place of JSON on a terminal',
    flag: 'log-color',
  }),
  'prometheus.http_address': address({ default: undefined, help: 'one more port for metrics and health alone' }),
  'prometheus.url': metricsPath,
  'prometheus.labels': metricsLabels,
  ...HSMQ_OPTIONS,
} as const;

export type OptionValues = ValuesOf<typeof OPTIONS>;

export type OptionKey = keyof typeof OPTIONS;

const DEFAULTS_SECTION = 'queue_defaults';

/** Every option with its key, those of [queue_defaults] among them. */
export const ALL_OPTIONS: OptionTable = {
  ...OPTIONS,
  ...Object.fromEntries(Object.entries(QUEUE_OPTIONS).map(([name, option]) => [`${DEFAULTS_SECTION}.${name}`, option])),
};

/** The key of a queue option's default. */
export function queueDefaultKey(name: string): string {
  return `${DEFAULTS_SECTION}.${name}`;
}
