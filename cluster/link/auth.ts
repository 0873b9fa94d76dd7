// Who may speak to this node: anyone on its own machine, and beyond that only who has the cluster's key or a
// certificate of its authority. A node that could be joined by any host on its network does not start.
// Called by: peer-links.ts, and whoever reads the configuration.
import { BrokerError } from '../../src/base/errors.ts';
import { LINK_LIMITS } from '../limits.ts';

/** Certificates for mutual TLS. `ca` must be the cluster's own: whoever has a certificate of it is a node. */
export interface LinkTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly ca: string | Buffer;
}

export interface LinkAuth {
  /** The cluster's shared key; every frame is tagged with keys made from it. */
  readonly sharedKey?: string | undefined;
  readonly tls?: LinkTls | undefined;
}

/** Whether a host can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (plain === 'localhost' || plain === '::1') return true;
  return /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(plain);
}

/** Throws unless links on `host` are safe with this authentication. */
export function requireAuth(host: string, auth: LinkAuth): void {
  const keyBytes = auth.sharedKey === undefined ? undefined : Buffer.byteLength(auth.sharedKey);
  if (keyBytes !== undefined && keyBytes < LINK_LIMITS.keyBytesMin) {
    throw new BrokerError(
      'invalid-argument',
      `Cannot use the shared key of the cluster: received ${keyBytes} bytes, it needs ${LINK_LIMITS.keyBytesMin} ` +
        'or more (for instance from: openssl rand -base64 32)',
    );
  }
  if (isLoopback(host) || keyBytes !== undefined || auth.tls !== undefined) return;
  throw new BrokerError(
    'failed-precondition',
    `Cannot link nodes over "${host}" without authentication: set a shared key or mutual TLS, ` +
      'or use 127.0.0.1 for nodes of one machine',
  );
}
