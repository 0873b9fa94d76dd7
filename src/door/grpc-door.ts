// The gRPC door: a listener whose connections speak HTTP/2, and the methods served behind it.
//
//   listener (net or tls) -> preface -> http2 session -> GrpcConnection -> OpenCall -> GrpcMethod.open()
//
// One a shard thread; with reusePort the kernel spreads connections over the shards. Sockets are sniffed before
// node:http2 sees them, sessions are made by http2.performServerHandshake: no server object of node:http2 is involved.
import { performServerHandshake, type ServerOptions } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { GRPC_LIMITS } from '../base/limits.ts';
import { BufferPool } from '../wire/grpc/buffer-pool.ts';
import type { GrpcMethod } from '../wire/grpc/method.ts';
import { certificateName } from './certificate-name.ts';
import { FlushQueue } from './flush-queue.ts';
import { GrpcConnection } from './grpc-connection.ts';
import type { Authorize, GrpcLimits, GrpcServing } from './grpc-serving.ts';
import { GrpcStats } from './grpc-stats.ts';
import { GrpcHealth } from './health.ts';
import { ShardOutput } from './output-account.ts';
import { awaitPreface } from './preface.ts';
import { GrpcReflection } from './reflection.ts';

export interface GrpcTls {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** Who signs client certificates. */
  readonly ca?: string | Buffer;
  readonly requireClientCertificate?: boolean;
}

export interface GrpcDoorOptions {
  readonly methods: readonly GrpcMethod[];
  readonly authorize: Authorize;
  readonly limits?: Partial<GrpcLimits>;
  readonly tls?: GrpcTls;
  /** Compress larger responses for clients that accept gzip; off by default, as it costs the loop of every client. */
  readonly gzip?: boolean;
  readonly onUnexpected?: (error: unknown, path: string) => void;
}

/** Memory of one session's header tables, streams and queued frames, MiB; beyond it new streams are refused. */
const SESSION_MEMORY_MIB_MAX = 64;

/** How long connections that are ended at the close may take to send their last frames. */
const GOODBYE_MS = 1_000;

export class GrpcDoor {
  readonly health: GrpcHealth;
  readonly stats = new GrpcStats();
  readonly #limits: GrpcLimits;
  readonly #serving: GrpcServing;
  readonly #listener: Server;
  readonly #tls: TlsServer | undefined;
  readonly #sockets = new Set<Socket>();
  /** Sockets whose preface has not come yet. */
  readonly #waiting = new Set<Socket>();
  readonly #connections = new Set<GrpcConnection>();
  readonly #sessionOptions: ServerOptions;
  #draining = false;

  constructor(options: GrpcDoorOptions) {
    this.#limits = { ...GRPC_LIMITS, ...options.limits };
    this.health = new GrpcHealth();
    const served = [...this.health.methods, ...options.methods];
    const all = [...served, ...new GrpcReflection(served).methods];
    const methods = new Map(all.map((method) => [method.path, method]));
    const isDraining = () => this.#draining;
    this.#serving = {
      methods,
      authorize: options.authorize,
      limits: this.#limits,
      stats: this.stats,
      buffers: new BufferPool(),
      flushes: new FlushQueue(),
      output: new ShardOutput(this.#limits, this.stats),
      gzip: options.gzip ?? false,
      onUnexpected: options.onUnexpected ?? (() => {}),
      get draining() {
        return isDraining();
      },
    };
    this.#sessionOptions = sessionOptions(this.#limits);
    this.#tls = options.tls === undefined ? undefined : createTlsServer(this.#tlsOptions(options.tls));
    this.#listener = this.#tls ?? createServer({ noDelay: true });
    this.#listen();
  }

  listen(at: { host: string; port: number; reusePort?: boolean }): Promise<{ port: number }> {
    return new Promise((resolve, reject) => {
      this.#listener.once('error', reject);
      this.#listener.listen({ ...at, backlog: 1024 }, () => {
        this.#listener.off('error', reject);
        // Later errors are those of accept(), such as too many open files: one client less, and the door stays open.
        this.#listener.on('error', (error) => this.#serving.onUnexpected(error, 'accept'));
        resolve({ port: (this.#listener.address() as AddressInfo).port });
      });
    });
  }

  /** Serves what is open, refuses what is new, says so to every client; the listener keeps answering. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.health.setServing(false);
    for (const connection of this.#connections) connection.goAway();
  }

  /** Stops listening, waits up to `graceMs` for open calls, then ends every connection. */
  async close(graceMs: number): Promise<void> {
    this.drain();
    this.health.close();
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const connection of this.#connections) connection.close();
    for (const socket of this.#waiting) socket.destroy();
    const deadline = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
      // What is left once the connections had time to say goodbye: handshakes, and peers that do not read.
      lastResort = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, GOODBYE_MS);
    }, graceMs);
    let lastResort: NodeJS.Timeout | undefined;
    await closed;
    clearTimeout(deadline);
    clearTimeout(lastResort);
  }

  /** Serves new connections with other certificates. */
  reloadTls(tls: GrpcTls): void {
    this.#tls?.setSecureContext({ key: tls.key, cert: tls.cert, ...(tls.ca === undefined ? {} : { ca: tls.ca }) });
  }

  #listen(): void {
    this.#listener.maxConnections = this.#limits.connectionsMax;
    this.#listener.on('drop', () => this.stats.countRefused('connection-limit'));
    this.#listener.on('connection', (socket: Socket) => this.#track(socket));
    if (this.#tls === undefined) {
      this.#listener.on('connection', (socket: Socket) => this.#accept(socket, undefined));
    } else {
      this.#tls.on('secureConnection', (socket) => this.#acceptSecure(socket));
      this.#tls.on('tlsClientError', (_error, socket) => {
        this.stats.countRefused('tls');
        socket.destroy();
      });
    }
  }

  #tlsOptions(tls: GrpcTls) {
    return {
      ...tls,
      ALPNProtocols: ['h2'],
      noDelay: true,
      requestCert: tls.ca !== undefined,
      rejectUnauthorized: tls.requireClientCertificate === true,
      handshakeTimeout: this.#limits.prefaceTimeoutMs,
    };
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    this.stats.connections++;
    this.stats.connectionsTotal++;
    // A broken connection is no event of its own: whatever was open on it is closed by 'close'.
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.stats.connections--;
    });
  }

  #acceptSecure(socket: TLSSocket): void {
    socket.on('error', () => {});
    this.#accept(socket, socket.authorized ? certificateName(socket.getPeerCertificate()) : undefined);
  }

  #accept(socket: Socket, peerCertificateName: string | undefined): void {
    this.#waiting.add(socket);
    awaitPreface(socket, this.#limits.prefaceTimeoutMs, (verdict) => {
      this.#waiting.delete(socket);
      switch (verdict) {
        case 'http2':
          this.#serve(socket, peerCertificateName);
          return;
        case 'timeout':
          this.stats.countRefused('preface-timeout');
          return;
        case 'closed':
          return;
        default:
          this.stats.countRefused(verdict);
      }
    });
  }

  #serve(socket: Socket, peerCertificateName: string | undefined): void {
    const session = performServerHandshake(socket, this.#sessionOptions);
    const connection = new GrpcConnection(this.#serving, session, {
      socket,
      certificateName: peerCertificateName,
      onClose: (closed) => this.#connections.delete(closed),
    });
    this.#connections.add(connection);
  }
}

function sessionOptions(limits: GrpcLimits): ServerOptions {
  return {
    maxSessionMemory: SESSION_MEMORY_MIB_MAX,
    maxHeaderListPairs: limits.headerListPairsMax,
    // nghttp2 counts resets too, within a chunk of input, where we only see them after it. It gets four times our
    // limit, which is more than fits a chunk, so that ours is reached first and names the reason.
    streamResetBurst: 4 * limits.resetsMax,
    streamResetRate: Math.ceil((4 * limits.resetsMax * 1000) / limits.floodWindowMs),
    settings: {
      initialWindowSize: limits.streamWindowBytes,
      maxConcurrentStreams: limits.streamsPerConnectionMax,
      maxHeaderListSize: limits.headerListBytesMax,
      enablePush: false,
    },
  };
}
