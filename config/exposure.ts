// A node that asks nobody who they are listens on loopback alone, unless it is told otherwise. The gRPC port may also
// ask for a client certificate; admin ports have no TLS, so there tokens alone count.
// Lives on: main. Called by: load.ts.
import { type Address, formatAddress, isLoopback, isWildcard, overlap, toLoopback } from './address.ts';
import type { OptionKey, OptionValues } from './options.ts';
import type { Problems } from './problem.ts';
import type { Config } from './types.ts';

const ADMIN_KEYS = ['node.admin_address', 'prometheus.http_address', 'node.http_address'] as const;

/** The options with the addresses that are really listened on. */
export function safeAddresses(
  options: OptionValues,
  given: { auth: Config['auth']; problems: Problems },
): OptionValues {
  const { auth, problems } = given;
  const safe: { -readonly [Key in OptionKey]: OptionValues[Key] } = { ...options };
  const open = options['auth.anonymous'];
  safe['node.grpc_address'] = safeAddress(options['node.grpc_address'], {
    key: 'node.grpc_address',
    allowed: open || auth.required,
    problems,
  });
  for (const key of ADMIN_KEYS) {
    const address = options[key];
    if (address === undefined) continue;
    (safe as Record<string, unknown>)[key] = safeAddress(address, { key, allowed: open || auth.tokens, problems });
  }
  checkPorts(safe, problems);
  return safe;
}

function safeAddress(address: Address, given: { key: string; allowed: boolean; problems: Problems }): Address {
  if (given.allowed || isLoopback(address.host)) return address;
  const safe = toLoopback(address);
  given.problems.warn(
    `${given.key}: listening on ${formatAddress(safe)} INSTEAD OF ${formatAddress(address)}, ` +
      'because nobody would be asked who they are: configure [users] or [auth.jwt] ' +
      '(for gRPC also [tls] client_ca with require_client_certificate), or set auth.anonymous = true',
  );
  return safe;
}

/** Admin ports may fall together (they become one); the gRPC port stands alone. */
function checkPorts(options: OptionValues, problems: Problems): void {
  const grpc = options['node.grpc_address'];
  const admin = options['node.admin_address'];
  for (const key of ADMIN_KEYS) {
    const address = options[key];
    if (address === undefined) continue;
    if (overlap(address, grpc)) {
      problems.error(`Cannot listen on ${formatAddress(address)} for ${key}: node.grpc_address has the same port`);
    }
    const widens = key !== 'node.admin_address' && overlap(address, admin);
    if (widens && isWildcard(address.host) && !isWildcard(admin.host)) {
      problems.warn(
        `${key}: it has the port of node.admin_address, so REST is served on ${formatAddress(address)}, too; ` +
          'give one of them another port to keep them apart',
      );
    }
  }
}
