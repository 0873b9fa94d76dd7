// What a node is started with, worked out from a configuration: plain values in the units of the code, secrets as what
// the threads need of them (digests of tokens; keys of JWTs).
// Lives on: main. Called by: main.ts, tests.
import { availableParallelism, totalmem } from 'node:os';
import { type Address, isWildcard, overlap, parseAddress } from '../config/address.ts';
import type { QueueValues } from '../config/queue-option-table.ts';
import type { Config } from '../config/types.ts';
import type { AdminServerOptions } from './admin/admin-server.ts';
import { SHARDS_MAX } from './base/limits.ts';
import type { QueueOptions } from './core/queue-options.ts';
import { Authenticator, type AuthenticatorOptions } from './session/auth.ts';
import { digestOf } from './session/token.ts';
import type { ShardData } from './shard.ts';

/** One admin port, and what it serves. */
export interface AdminAddress extends Address, Pick<AdminServerOptions, 'routes' | 'metricsAuth'> {}

export interface NodeSettings {
  readonly name: string;
  readonly version: string;
  readonly shards: number;
  /** What is the same for every shard. */
  readonly shard: Omit<ShardData, 'index' | 'shards' | 'nodeName' | 'mesh' | 'port' | 'clusterThread'>;
  readonly grpc: Address;
  readonly admin: Address;
  /** Every admin port; the first is `admin`. */
  readonly adminAddresses: readonly AdminAddress[];
  readonly adminOptions: Pick<AdminServerOptions, 'authorize' | 'metricsPath' | 'metricsLabels'>;
  readonly queues: readonly QueueOptions[];
  /** For queues that are declared at run time. */
  readonly queueDefaults: Partial<QueueOptions>;
  /** Undefined: nothing is kept. */
  readonly dataDir: string | undefined;
  readonly shutdownTimeoutMs: number;
  /** Undefined: a node alone. */
  readonly cluster: ClusterSettings | undefined;
}

/** Where the node shows itself to clients, and finds others, in Consul. */
export interface ConsulSettings {
  readonly address: string;
  readonly name: string;
  readonly id: string;
  readonly serviceAddress: string | undefined;
  readonly servicePort: number | undefined;
  readonly tags: readonly string[];
  readonly check: Readonly<Partial<Record<'name' | 'interval' | 'http' | 'grpc', string>>>;
}

/** How the node finds others, and they it. */
export interface ClusterSettings {
  readonly cluster: string;
  readonly listen: Address;
  readonly advertise: Address;
  readonly seeds: readonly Address[];
  /** host:port, or the name of a service. */
  readonly dns: readonly string[];
  readonly consul: ConsulSettings | undefined;
  readonly auth: { readonly sharedKey?: string };
}

export function nodeSettings(config: Config, version: string): NodeSettings {
  const { options } = config;
  const shards = options['node.shards'] || Math.min(availableParallelism(), SHARDS_MAX);
  const auth = authenticatorOptions(config);
  const adminAddresses = adminAddressesOf(config);
  return {
    name: options['node.name'],
    version,
    shards,
    shard: {
      auth,
      tls: tlsOf(config),
      memoryBytesMax: Math.floor(memoryBytes(config) / shards),
      messageBytesMax: options['limits.message_bytes'],
      pinThread: options['node.pin_threads'],
      connectionsMax: options['limits.connections'],
      streamsPerConnectionMax: options['limits.streams_per_connection'],
    },
    grpc: options['node.grpc_address'],
    admin: adminAddresses[0],
    adminAddresses,
    adminOptions: {
      ...(config.auth.tokens ? { authorize: adminAuthorize(auth) } : {}),
      metricsPath: options['prometheus.url'],
      metricsLabels: options['prometheus.labels'],
    },
    queues: config.queues.map((queue) => ({ name: queue.name, topics: queue.topics, ...queueOptionsOf(queue) })),
    queueDefaults: queueOptionsOf(config.queueDefaults),
    dataDir: options['node.data_dir'],
    shutdownTimeoutMs: options['node.shutdown_timeout'],
    cluster: clusterSettings(config),
  };
}

function clusterSettings(config: Config): ClusterSettings | undefined {
  const { options } = config;
  const listen = options['cluster.address'];
  if (listen === undefined) return undefined;
  const key = options['cluster.key'];
  return {
    cluster: options['cluster.name'],
    listen,
    advertise: options['cluster.advertise'] ?? listen,
    seeds: options['cluster.seeds'].flatMap((seed) => parseAddress(seed) ?? []),
    dns: options['cluster.dns'],
    consul: consulSettings(config),
    auth: key === undefined ? {} : { sharedKey: key.reveal() },
  };
}

function consulSettings({ options }: Config): ConsulSettings | undefined {
  const address = options['consul.address'];
  if (address === undefined) return undefined;
  const name = options['consul.service.name'] ?? 'ringmq';
  return {
    address,
    name,
    id: options['consul.service.id'] ?? `${name}-${options['node.name']}`,
    serviceAddress: options['consul.service.address'],
    servicePort: options['consul.service.port'],
    tags: options['consul.service.tags'],
    check: (options['consul.service.check'] ?? {}) as ConsulSettings['check'],
  };
}

function authenticatorOptions({ auth, users, options }: Config): AuthenticatorOptions {
  return {
    required: auth.required,
    tokens: users.flatMap((user) =>
      user.tokens.map(({ secret, disabled }) => ({ digest: digestOf(secret.reveal()), user: user.name, disabled })),
    ),
    jwtSecrets: options['auth.jwt.secrets'].map(({ name, secret, disabled }) => ({
      name,
      secret: secret.reveal(),
      disabled,
    })),
    certificates: options['tls.client_ca'] !== undefined,
  };
}

/** Tokens and JWTs open the admin port as they open the others; it has no TLS, so certificates do not. */
function adminAuthorize(auth: AuthenticatorOptions): NonNullable<AdminServerOptions['authorize']> {
  const authenticator = new Authenticator({ ...auth, certificates: false });
  return (header) => authenticator.authorize(header, Date.now());
}

/**
 * The admin port, and hsmq's ports for metrics and health. One of these that has the admin port's number becomes one
 * with it: hsmq's own example and our default are both 8080. Metrics there need no token, as in hsmq.
 */
function adminAddressesOf({ options }: Config): [AdminAddress, ...AdminAddress[]] {
  const addresses: [AdminAddress, ...AdminAddress[]] = [{ ...options['node.admin_address'], routes: 'all' }];
  for (const address of [options['prometheus.http_address'], options['node.http_address']]) {
    if (address === undefined) continue;
    const same = addresses.findIndex((other) => overlap(address, other));
    if (same === -1) {
      addresses.push({ ...address, routes: 'observation', metricsAuth: false });
    } else {
      const host = isWildcard(address.host) ? address.host : addresses[same].host;
      addresses[same] = { ...addresses[same], host, metricsAuth: false };
    }
  }
  return addresses;
}

function tlsOf({ options }: Config): ShardData['tls'] {
  const cert = options['tls.cert'];
  const key = options['tls.key'];
  if (cert === undefined || key === undefined) return undefined;
  const ca = options['tls.client_ca'];
  return {
    cert: cert.text.reveal(),
    key: key.text.reveal(),
    ...(ca === undefined ? {} : { ca: ca.text.reveal() }),
    requireClientCertificate: options['tls.require_client_certificate'],
  };
}

/**
 * For messages, over all shards. A container's limit counts as its memory; without one the system says a huge number.
 */
function memoryBytes({ options }: Config): number {
  const limit = options['node.memory_limit'];
  if (limit.kind === 'bytes') return limit.bytes;
  const constrained = process.constrainedMemory();
  const available = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.floor((available * limit.percent) / 100);
}

function queueOptionsOf(values: QueueValues): Omit<QueueOptions, 'name' | 'topics'> {
  return {
    limit: values.limit,
    overflow: values.overflow,
    ackTimeoutMs: values.ack_timeout,
    maxDeliveries: values.max_deliveries,
    deadLetterQueue: values.dead_letter_queue,
    messageTtlMs: values.message_ttl,
    delayMs: values.delay,
    dedupWindowMs: values.dedup_window,
    idleTtlMs: values.idle_ttl,
    prefetchCount: values.prefetch_count,
  };
}
