// Waits for the connection preface of HTTP/2 before anything is set up for a socket: a slow or silent client costs a
// socket and a timer, an HTTP/1.1 client gets an answer that it understands, random bytes are closed at once.
// Lives on a shard thread, called by the GrpcDoor for every accepted socket.
import type { Socket } from 'node:net';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** A request line of HTTP/1.x or a part of one: a method, a space, a path. */
const HTTP1_START = /^[A-Z]{3,16} [/*h]/;

const HTTP1_ANSWER =
  'HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\n' +
  'content-type: text/plain\r\ncontent-length: 33\r\n\r\nThis port speaks gRPC: use HTTP/2';

export type PrefaceVerdict = 'http2' | 'http1' | 'not-http2' | 'timeout' | 'closed';

/** Judges the first bytes of a connection; undefined while more are needed. */
export function judgePreface(bytes: Buffer): 'http2' | 'http1' | 'not-http2' | undefined {
  const length = Math.min(bytes.length, PREFACE.length);
  if (bytes.compare(PREFACE, 0, length, 0, length) === 0) return length === PREFACE.length ? 'http2' : undefined;
  return HTTP1_START.test(bytes.toString('latin1', 0, 32)) ? 'http1' : 'not-http2';
}

/** Calls back once. After 'http2' the socket is untouched, its bytes unread; after anything else it is being closed. */
export function awaitPreface(socket: Socket, timeoutMs: number, callback: (verdict: PrefaceVerdict) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => settle('timeout'), timeoutMs);
  const onClose = () => settle('closed');
  const onReadable = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const verdict = judgePreface(seen);
    if (verdict !== undefined) settle(verdict);
  };
  const settle = (verdict: PrefaceVerdict) => {
    clearTimeout(timer);
    socket.off('close', onClose);
    socket.off('readable', onReadable);
    if (verdict === 'http2') socket.unshift(seen);
    else refuse(socket, verdict);
    callback(verdict);
  };
  socket.on('close', onClose);
  socket.on('readable', onReadable);
}

function refuse(socket: Socket, verdict: PrefaceVerdict): void {
  if (verdict !== 'http1') {
    socket.destroy();
    return;
  }
  // What else the client sends is read and dropped, or the answer could be lost to a reset.
  socket.resume();
  socket.end(HTTP1_ANSWER, () => socket.destroySoon());
}
