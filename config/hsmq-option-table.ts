// Options that hsmq's file may have and that this version takes, checks in form, and has no use for, so that the file
// is accepted as it stands. loadConfig() says which of them were set.
// Lives on: main. Called by: options.ts.
import { decimal, integer, text, texts, unread } from './option-types.ts';

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

  'cluster.name': text({ ...FILE_ONLY, default: undefined, help: 'name of the cluster' }),
  'cluster.udp_port': integer({
    ...FILE_ONLY,
    default: undefined,
    max: PORT_MAX,
    help: 'port on which nodes find each other',
  }),
  'cluster.jwt': unread({ default: undefined, help: 'secrets between nodes' }),

  'sentry.dsn': unread({ default: undefined, help: 'not used by this version' }),
  'sentry.env': text({ ...FILE_ONLY, default: undefined, help: 'not used by this version' }),
  'sentry.sample_rate': decimal({ ...FILE_ONLY, default: undefined, max: 1, help: 'not used by this version' }),
  'sentry.traces_sample_rate': decimal({ ...FILE_ONLY, default: undefined, max: 1, help: 'not used by this version' }),
  'sentry.max_breadcrumbs': integer({ ...FILE_ONLY, default: undefined, help: 'not used by this version' }),

  'consul.address': text({ ...FILE_ONLY, default: undefined, help: 'not used by this version' }),
  'consul.service.name': text({ ...FILE_ONLY, default: undefined, help: 'not used by this version' }),
  'consul.service.id': text({ ...FILE_ONLY, default: undefined, help: 'not used by this version' }),
  'consul.service.address': text({ ...FILE_ONLY, default: undefined, help: 'not used by this version' }),
  'consul.service.port': integer({ ...FILE_ONLY, default: undefined, max: PORT_MAX, help: 'not used by this version' }),
  'consul.service.tags': texts({ ...FILE_ONLY, default: [], help: 'not used by this version' }),
  'consul.service.check': unread({ default: undefined, help: 'not used by this version' }),
} as const;
