// Plain or TLS sockets of the links: the listening end, with its bound on connections that have not said who they are,
// and the dialing end. With TLS both sides show a certificate of the cluster's own authority; names in it are not
// looked at, because nodes come and go under any address and every holder of a certificate is a node.
// Lives on: the thread of the links. Edge: owns the listening socket. Called by: peer-links.ts.
import net from 'node:net';
import tls from 'node:tls';
import { LINK_LIMITS } from '../limits.ts';
import type { LinkTls } from './auth.ts';
import type { NodeAddress } from './peer.ts';

const TLS_VERSION = 'TLSv1.3';

export function dialSocket(address: NodeAddress, certificates: LinkTls | undefined): net.Socket {
  const { host, port } = address;
  if (certificates === undefined) return net.connect({ host, port, noDelay: true });
  const { cert, key, ca } = certificates;
  return tls.connect({ host, port, cert, key, ca, minVersion: TLS_VERSION, checkServerIdentity: () => undefined });
}

/** The event after which a dialed socket may be written. */
export function readyEvent(certificates: LinkTls | undefined): 'connect' | 'secureConnect' {
  return certificates === undefined ? 'connect' : 'secureConnect';
}

export interface LinkListenerOptions {
  readonly tls: LinkTls | undefined;
  readonly onSocket: (socket: net.Socket) => void;
  readonly onBusy: (address: string) => void;
  /** A TLS handshake failed. */
  readonly onTlsFault: (address: string, reason: string) => void;
}

export class LinkListener {
  readonly #options: LinkListenerOptions;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  /** Other ends of connections that are no links yet. */
  readonly #unknown = new Set<string>();

  constructor(options: LinkListenerOptions) {
    this.#options = options;
    this.#server = this.#createServer(options);
    // For TLS too this is the bare connection, before its handshake.
    this.#server.on('connection', (socket: net.Socket) => this.#count(socket));
  }

  /** The port that it listens on. */
  async listen(address: NodeAddress): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(address.port, address.host, resolve);
    await promise;
    this.#server.off('error', reject);
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** The other end of this socket has said who it is. */
  known(socket: net.Socket): void {
    this.#unknown.delete(remoteOf(socket));
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#sockets) socket.destroy();
    await promise;
  }

  #createServer(options: LinkListenerOptions): net.Server {
    const accept = (socket: net.Socket): void => {
      if (!socket.destroyed) options.onSocket(socket);
    };
    if (options.tls === undefined) return net.createServer({ noDelay: true }, accept);
    const { cert, key, ca } = options.tls;
    const server = tls.createServer(
      {
        cert,
        key,
        ca,
        minVersion: TLS_VERSION,
        requestCert: true,
        rejectUnauthorized: true,
        handshakeTimeout: LINK_LIMITS.handshakeTimeoutMs,
      },
      accept,
    );
    server.on('tlsClientError', (error, socket) => options.onTlsFault(remoteOf(socket), error.message));
    return server;
  }

  #count(socket: net.Socket): void {
    const remote = remoteOf(socket);
    if (this.#unknown.size >= LINK_LIMITS.unauthenticatedMax) {
      socket.destroy();
      this.#options.onBusy(remote);
      return;
    }
    this.#sockets.add(socket);
    this.#unknown.add(remote);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#unknown.delete(remote);
    });
  }
}

export function remoteOf(socket: net.Socket): string {
  return `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
}
