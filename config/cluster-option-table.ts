// The options of a node that is one of many. An address for other nodes switches it on.
// Lives on: main.
import { parseAddress } from './address.ts';
import type { Option } from './option.ts';
import { address, text, texts } from './option-types.ts';
import { ValueProblem } from './problem.ts';
import type { Secret } from './secret.ts';
import { readSecrets } from './secret-reader.ts';

/** Shortest key, bytes: 128 bits when it is random. The links refuse shorter ones too. */
const KEY_BYTES_MIN = 16;

const key: Option<Secret | undefined> = {
  default: undefined,
  help: 'key that all nodes of the cluster share, a text or { env | file }; needed beyond loopback',
  argument: '<text>',
  fileOnly: true,
  secret: true,
  read: (value, at) => {
    const [found] = readSecrets([value], at);
    if (found === undefined || Buffer.byteLength(found.secret.reveal()) >= KEY_BYTES_MIN) return found?.secret;
    throw new ValueProblem(`expected ${KEY_BYTES_MIN} bytes or more, for instance of: openssl rand -base64 32`);
  },
  parse: (given) => given,
  show: (secret) => secret,
};

const seeds: Option<readonly string[]> = {
  ...texts({ default: [], help: 'addresses of other nodes, as host:port; one that answers is enough' }),
  read: (value) => {
    const given = texts({ default: [], help: '' }).read(value, undefined as never);
    for (const seed of given) {
      if (parseAddress(seed) === undefined)
        throw new ValueProblem(`expected addresses as host:port, received "${seed}"`);
    }
    return given;
  },
};

const dns: Option<readonly string[]> = {
  ...texts({ default: [], help: 'names to find other nodes by: host:port (A, AAAA), or _service._tcp.domain (SRV)' }),
  read: (value) => {
    const given = texts({ default: [], help: '' }).read(value, undefined as never);
    for (const name of given) {
      if (name.startsWith('_') || parseAddress(name) !== undefined) continue;
      throw new ValueProblem(`expected names as host:port or _service._tcp.domain, received "${name}"`);
    }
    return given;
  },
};

export const CLUSTER_OPTIONS = {
  'cluster.name': text({
    default: 'ringmq',
    help: 'name of the cluster: only nodes of the same name join each other',
  }),
  'cluster.address': address({
    default: undefined,
    help: 'where other nodes connect, by custom on port 4849; none = a node alone',
  }),
  'cluster.advertise': address({ default: undefined, help: 'the address that others are told, when it is another' }),
  'cluster.seeds': seeds,
  'cluster.dns': dns,
  'cluster.key': key,
} as const;
