// How a connection is secured: grpc-js credentials, and the channel options that go with them. A node reached by its
// IP address is checked against that address. TLS has no way to ask for an address by name (RFC 6066 forbids it in
// SNI, Node refuses it), but grpc-js would: so it is told to ask for a name, and the check keeps the address.
// Called by: connection.ts.
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { RingError } from './errors.ts';
import type { TlsOptions } from './options.ts';

/** Asked for where there is only an address: any certificate may answer, as the check is not made against it. */
const NAME_FOR_ADDRESS = 'localhost';

export interface Security {
  readonly credentials: ChannelCredentials;
  readonly channelOptions: Readonly<Record<string, string>>;
}

/** Throws `invalid-argument` for a certificate without its key. */
export function securityOf(tls: boolean | TlsOptions | undefined, address: string): Security {
  if (tls === undefined || tls === false) return { credentials: credentials.createInsecure(), channelOptions: {} };
  const { ca, cert, key, serverName } = tls === true ? ({} as TlsOptions) : tls;
  if ((cert === undefined) !== (key === undefined))
    throw new RingError(
      'invalid-argument',
      'Cannot connect: a client certificate needs its key, and a key its certificate',
    );
  const host = address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  const byAddress = serverName === undefined && isIP(host) !== 0;
  const name = byAddress ? NAME_FOR_ADDRESS : serverName;
  const verify = byAddress
    ? { checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate) }
    : {};
  return {
    credentials: credentials.createSsl(bytesOf(ca), bytesOf(key), bytesOf(cert), verify),
    channelOptions: name === undefined ? {} : { 'grpc.ssl_target_name_override': name },
  };
}

function bytesOf(pem: Buffer | string | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem as string);
}
