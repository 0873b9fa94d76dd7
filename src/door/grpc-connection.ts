// One client connection: an HTTP/2 session, its open calls, and the rules that keep one client from harming others.
//
// nghttp2 itself refuses broken frames, CONTINUATION floods and oversized header lists; what it leaves to the
// application is here: pings, SETTINGS and resets without end, silent death (keepalive), bytes held by unfinished
// messages and by responses that are not read. Lives on a shard thread, made by the GrpcDoor once the preface of HTTP/2
// has been seen.
import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { GrpcMetadata, GrpcMethod } from '../wire/grpc/method.ts';
import { judgeHead } from '../wire/grpc/request-head.ts';
import { GRPC_STATUS } from '../wire/grpc/status.ts';
import { FloodGuard } from './flood-guard.ts';
import { type CallConnection, OpenCall } from './grpc-call.ts';
import type { GrpcServing } from './grpc-serving.ts';
import type { RefusalReason } from './grpc-stats.ts';
import { ConnectionOutput } from './output-account.ts';
import { respondStatus } from './response-stream.ts';

/** How long a connection that we end may take to read our last frames. */
const CLOSE_GRACE_MS = 1_000;

const NO_TRAILERS = Object.freeze({});

export class GrpcConnection implements CallConnection {
  readonly peer: string;
  readonly certificateName: string | undefined;
  readonly output: ConnectionOutput;
  readonly #serving: GrpcServing;
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #pings: FloodGuard;
  readonly #settings: FloodGuard;
  readonly #resets: FloodGuard;
  readonly #keepalive: NodeJS.Timeout;
  #pinging = false;
  #bufferedBytes = 0;
  #chunksSincePing = 0;
  #closing = false;

  constructor(
    serving: GrpcServing,
    session: ServerHttp2Session,
    client: { socket: Socket; certificateName: string | undefined; onClose: (connection: GrpcConnection) => void },
  ) {
    this.#serving = serving;
    this.#session = session;
    this.#socket = client.socket;
    this.output = new ConnectionOutput(serving.output);
    this.certificateName = client.certificateName;
    this.peer = `${client.socket.remoteAddress ?? 'unknown'}:${client.socket.remotePort ?? 0}`;
    const { limits } = serving;
    this.#pings = new FloodGuard({ max: limits.pingsMax, windowMs: limits.floodWindowMs });
    this.#settings = new FloodGuard({ max: limits.settingsMax, windowMs: limits.floodWindowMs });
    this.#resets = new FloodGuard({ max: limits.resetsMax, windowMs: limits.floodWindowMs });
    this.#keepalive = setInterval(() => this.#checkAlive(), limits.keepaliveMs);
    this.#keepalive.unref();
    session.setLocalWindowSize(limits.connectionWindowBytes);
    session.on('stream', (stream, headers) => this.#onStream(stream, headers));
    session.on('ping', () => this.#onPing());
    session.on('remoteSettings', () => this.#onSettings());
    session.on('error', () => this.#onError());
    session.once('close', () => {
      clearInterval(this.#keepalive);
      client.onClose(this);
    });
  }

  /**
   * Tells the client to open no more calls here; those that are open are still served. The GOAWAY names the last stream
   * that was seen, so that a call which crosses it is known to be unserved, and clients send it elsewhere by
   * themselves. (A first GOAWAY with the highest id, as RFC 9113, 6.8 suggests, leaves such a call of a Node client
   * waiting for ever.)
   */
  goAway(): void {
    if (!this.#session.destroyed) this.#session.goaway(constants.NGHTTP2_NO_ERROR);
  }

  /** Closes once the open calls have ended. */
  close(): void {
    if (!this.#session.destroyed) this.#session.close();
  }

  /** Ends the connection now: open calls are lost. */
  destroy(code: number = constants.NGHTTP2_NO_ERROR): void {
    this.#closing = true;
    if (!this.#session.destroyed) {
      // Node takes the code from its second argument only if the first is an error.
      this.#session.destroy(code === constants.NGHTTP2_NO_ERROR ? undefined : new Error('Offended'), code);
    }
    this.#endSocketSoon();
  }

  closeSoon(reason: RefusalReason): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#serving.stats.countRefused(reason);
    // After the flush of this turn, so that the status of the call that asked goes out first.
    setImmediate(() => {
      this.close();
      this.#endSocketSoon();
    });
  }

  countInput(bytes: number, bufferedDelta: number): boolean {
    const { stats, limits } = this.#serving;
    stats.bytesIn += bytes;
    this.#chunksSincePing++;
    if (bufferedDelta === 0) return true;
    this.#bufferedBytes += bufferedDelta;
    stats.bufferedBytes += bufferedDelta;
    if (bufferedDelta < 0) return true;
    return this.#bufferedBytes <= limits.connectionBufferedBytesMax && stats.bufferedBytes <= limits.bufferedBytesMax;
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { stats } = this.#serving;
    stats.streams++;
    stats.streamsTotal++;
    stream.once('close', () => {
      stats.streams--;
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#onReset();
    });
    // A stream error is always followed by 'close', which is where calls are ended.
    stream.on('error', ignore);
    this.#chunksSincePing++;
    const metadata = headers as GrpcMetadata;
    const verdict = judgeHead(metadata, this.#serving.limits);
    switch (verdict.kind) {
      case 'http':
        stats.countRefused(verdict.reason);
        refuseHttp(stream, verdict.status);
        return;
      case 'grpc':
        this.#refuse(stream, verdict);
        return;
      case 'call':
        break;
    }
    const method = this.#serving.methods.get(verdict.head.path);
    if (method === undefined) {
      const path = JSON.stringify(verdict.head.path.slice(0, 128));
      const message = `Cannot call ${path}: there is no such method here`;
      this.#refuse(stream, { code: GRPC_STATUS.unimplemented, message, reason: 'unknown-path' });
    } else if (this.#serving.draining && !servedWhileDraining(method, metadata)) {
      this.#refuse(stream, { code: GRPC_STATUS.unavailable, message: 'shutdown', reason: 'draining' });
    } else if (stats.streams > this.#serving.limits.streamsMax) {
      const message = `Cannot open call: at most ${this.#serving.limits.streamsMax} may be open`;
      this.#refuse(stream, { code: GRPC_STATUS['resource-exhausted'], message, reason: 'stream-limit' });
    } else {
      new OpenCall(this.#serving, this, { stream, metadata, head: verdict.head, method }).start();
    }
  }

  #refuse(stream: ServerHttp2Stream, refusal: { code: number; message: string; reason: RefusalReason }): void {
    this.#serving.stats.countRefused(refusal.reason);
    respondStatus(stream, { code: refusal.code, message: refusal.message, trailers: NO_TRAILERS });
    stopRequest(stream);
  }

  /** Pings between messages are a client measuring its window (grpc-go does); pings alone, without end, are not. */
  #onPing(): void {
    if (this.#chunksSincePing > 0) {
      this.#chunksSincePing = 0;
      this.#pings.reset();
    }
    if (!this.#pings.count(Date.now())) this.#offend('ping-flood');
  }

  #onSettings(): void {
    if (!this.#settings.count(Date.now())) this.#offend('settings-flood');
  }

  /** A stream costs us far more to open than its reset costs the client. */
  #onReset(): void {
    if (!this.#session.destroyed && !this.#resets.count(Date.now())) this.#offend('rapid-reset');
  }

  #offend(reason: RefusalReason): void {
    if (this.#closing) return;
    this.#serving.stats.countRefused(reason);
    this.destroy(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #onError(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#serving.stats.countRefused('protocol-error');
    this.#endSocketSoon();
  }

  /** Runs every keepaliveMs: a ping that is not answered in time ends the connection. */
  #checkAlive(): void {
    if (this.#session.destroyed) {
      // We have said goodbye, and the peer does not close its side.
      this.#socket.destroy();
      return;
    }
    if (this.#pinging) return;
    const deadline = setTimeout(() => {
      if (!this.#closing) this.#serving.stats.countRefused('keepalive');
      this.destroy();
    }, this.#serving.limits.keepaliveTimeoutMs);
    deadline.unref();
    this.#pinging = true;
    const sent = this.#session.ping(() => {
      this.#pinging = false;
      clearTimeout(deadline);
    });
    if (!sent) clearTimeout(deadline);
  }

  /** A peer that does not read would keep a closed connection for ever. */
  #endSocketSoon(): void {
    setTimeout(() => this.#socket.destroy(), CLOSE_GRACE_MS).unref();
  }
}

function ignore(): void {}

function refuseHttp(stream: ServerHttp2Stream, status: number): void {
  if (stream.destroyed || stream.closed) return;
  const allow: Record<string, string> = status === 405 ? { allow: 'POST' } : {};
  stream.respond({ ':status': status, ...allow }, { endStream: true });
  stopRequest(stream);
}

/** Drops what the client still sends, and asks it to stop once our answer is out. */
function stopRequest(stream: ServerHttp2Stream): void {
  stream.resume();
  setImmediate(() => {
    if (!stream.destroyed && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}

function servedWhileDraining(method: GrpcMethod, metadata: GrpcMetadata): boolean {
  return method.unguarded === true || (method.redirects === true && typeof metadata.redirect === 'string');
}
