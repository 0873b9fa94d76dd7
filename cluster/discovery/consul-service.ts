// How a node shows in Consul: the options of hsmq's `[consul.service]` and what is sent of them. Pure.
// Called by: consul-registration.ts, and whoever reads the configuration.
import { unreachable } from '../../src/base/assert.ts';
import { BrokerError } from '../../src/base/errors.ts';

export type ConsulCheck =
  /** Consul asks the node, every `interval` (as Go has it: "10s", "1m30s"). */
  | { readonly kind: 'http'; readonly name: string; readonly interval: string; readonly url: string }
  | { readonly kind: 'grpc'; readonly name: string; readonly interval: string; readonly target: string }
  /** The node tells Consul, three times in `ttlMs`. */
  | { readonly kind: 'ttl'; readonly name: string; readonly ttlMs: number };

export interface ConsulService {
  readonly name: string;
  /** Unique for each agent; hsmq's default is the name. */
  readonly id: string;
  /** Undefined: the agent's own. */
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly tags: readonly string[];
  readonly check?: ConsulCheck | undefined;
  /** Consul forgets a node whose check failed for so long ("10m", its least is a minute); undefined: it never does. */
  readonly forgetAfter?: string | undefined;
}

const DEFAULT_INTERVAL = '10s';
const DEFAULT_TTL_MS = 15_000;
const GO_DURATION = /^(?:\d{1,12}(?:\.\d{1,9})?(?:ns|us|µs|ms|s|m|h))+$/;

/** The check that hsmq's `[consul.service.check]` means: gRPC before HTTP, and neither is a TTL. */
export function consulCheckOf(options: {
  readonly name: string;
  readonly interval?: string | undefined;
  readonly http?: string | undefined;
  readonly grpc?: string | undefined;
}): ConsulCheck {
  const { name, interval = DEFAULT_INTERVAL, http, grpc } = options;
  if (grpc !== undefined) return { kind: 'grpc', name, interval, target: grpc };
  if (http !== undefined) return { kind: 'http', name, interval, url: http };
  return { kind: 'ttl', name, ttlMs: DEFAULT_TTL_MS };
}

export function checkIdOf(service: ConsulService): string {
  return `service:${service.id}`;
}

/** The body of /v1/agent/service/register. */
export function registrationOf(service: ConsulService): Readonly<Record<string, unknown>> {
  const { name, id, address, port, tags, check, forgetAfter } = service;
  if (name === '' || id === '') refuse('name and id', `"${name}" and "${id}"`, 'both');
  if (forgetAfter !== undefined) requireDuration('time to forget', forgetAfter);
  return {
    ID: id,
    Name: name,
    Tags: tags,
    ...(address === undefined ? {} : { Address: address }),
    ...(port === undefined ? {} : { Port: port }),
    ...(check === undefined
      ? {}
      : {
          Check: {
            CheckID: checkIdOf(service),
            Name: check.name,
            // As hsmq: a node registers when it serves, and is not to wait for the first check.
            Status: 'passing',
            ...probeOf(check),
            ...(forgetAfter === undefined ? {} : { DeregisterCriticalServiceAfter: forgetAfter }),
          },
        }),
  };
}

function probeOf(check: ConsulCheck): Readonly<Record<string, string>> {
  switch (check.kind) {
    case 'http':
      requireDuration('interval', check.interval);
      return { HTTP: check.url, Interval: check.interval };
    case 'grpc':
      requireDuration('interval', check.interval);
      return { GRPC: check.target, Interval: check.interval };
    case 'ttl':
      return { TTL: `${check.ttlMs}ms` };
    default:
      return unreachable(check);
  }
}

function requireDuration(what: string, text: string): void {
  if (!GO_DURATION.test(text)) refuse(what, `"${text}"`, 'a time like 10s or 1m30s');
}

function refuse(what: string, received: string, expected: string): never {
  throw new BrokerError(
    'invalid-argument',
    `Cannot register in Consul: ${what}: received ${received}, expected ${expected}`,
  );
}
