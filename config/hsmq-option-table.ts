// Options that hsmq's file may have and that this version takes, checks in form, and has no use for, so that the file
// is accepted as it stands. loadConfig() says which of them were set.
// Lives on: main. Called by: options.ts.
import type { Option } from './option.ts';
import { decimal, integer, isTable, text, texts, unread } from './option-types.ts';
import { ValueProblem } from './problem.ts';

const PORT_MAX = 65_535;

/** No flags for what has no effect. */
const FILE_ONLY = { fileOnly: true } as const;

export const HSMQ_OPTIONS = {
  'client.grpc_uri': text({
    ...FILE_ONLY,
    default: undefined,
    help: "for hsmq's own command line client: the node's address",
  }),
  'client.http_port': integer({
    ...FILE_ONLY,
    default: undefined,
    max: PORT_MAX,
    help: "for hsmq's own command line client: its port for metrics",
  }),
  'client.username': text({
    ...FILE_ONLY,
    default: undefined,
    help: "for hsmq's own command line client: which user it is",
  }),

  'cluster.udp_port': integer({
    ...FILE_ONLY,
    default: undefined,
    max: PORT_MAX,
    help: 'port on which nodes find each other',
  }),
  'cluster.jwt': tableOf(['secrets'], 'secrets between nodes'),

  'sentry.dsn': {
    ...unread({ default: undefined, help: 'not used by this version' }),
    read: (value) => (isResolvable(value) ? value : refuse('a text or a table like { env = "NAME" }')),
  } as Option<unknown>,
  'sentry.env': text({ ...FILE_ONLY, default: undefined, help: 'not used by this version' }),
  'sentry.sample_rate': decimal({ ...FILE_ONLY, default: undefined, max: 1, help: 'not used by this version' }),
  'sentry.traces_sample_rate': decimal({ ...FILE_ONLY, default: undefined, max: 1, help: 'not used by this version' }),
  'sentry.max_breadcrumbs': integer({ ...FILE_ONLY, default: undefined, help: 'not used by this version' }),

  'consul.address': text({
    ...FILE_ONLY,
    default: undefined,
    help: "Consul's HTTP address, as http://host:port: a node of a cluster registers there, and finds others",
  }),
  'consul.service.name': text({ ...FILE_ONLY, default: undefined, help: 'name that clients find the node by' }),
  'consul.service.id': text({
    ...FILE_ONLY,
    default: undefined,
    help: "id of this node's service; when not given, the names of the service and of the node",
  }),
  'consul.service.address': text({ ...FILE_ONLY, default: undefined, help: 'address that clients are told' }),
  'consul.service.port': integer({
    ...FILE_ONLY,
    default: undefined,
    max: PORT_MAX,
    help: 'port that clients are told',
  }),
  'consul.service.tags': texts({ ...FILE_ONLY, default: [], help: 'tags of the service' }),
  'consul.service.check': tableOf(['name', 'interval', 'http', 'grpc'], 'how Consul sees whether the node is well'),
} as const;

/** A section of texts, or of tables that say where they are; its content is checked in form alone. */
function tableOf(keys: readonly string[], help: string): Option<unknown> {
  const read = (value: unknown): unknown => {
    if (!isTable(value)) return refuse(`a section with ${keys.join(', ')}`);
    for (const [key, part] of Object.entries(value)) {
      if (!keys.includes(key)) refuse(`a section with ${keys.join(', ')} alone, "${key}" is none of them`);
      if (!Array.isArray(part) && !isResolvable(part)) refuse(`${key} to be a text or a table like { env = "NAME" }`);
    }
    return value;
  };
  return { ...unread({ default: undefined, help }), read };
}

function isResolvable(value: unknown): boolean {
  return typeof value === 'string' || isTable(value);
}

function refuse(expected: string): never {
  throw new ValueProblem(`expected ${expected}`);
}
