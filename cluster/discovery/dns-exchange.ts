// One question to one nameserver: a datagram from a socket of its own, so that its port is a fresh one, and the same by
// TCP when the answer does not fit. The socket is connected: the system drops what comes from anywhere else.
// An edge: sockets and timers. Called by: dns-resolver.ts.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { DISCOVERY_LIMITS } from '../limits.ts';
import { type DnsAnswer, type DnsQuery, encodeQuery, type QueryType, readAnswer } from './dns-message.ts';
import type { Nameserver } from './resolv-conf.ts';

export interface DnsQuestion {
  readonly name: string;
  readonly type: QueryType;
}

export interface AskOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

type Settled = Exclude<DnsAnswer, { kind: 'stray' | 'truncated' }>;
export type AskNameserver = (server: Nameserver, question: DnsQuestion, options: AskOptions) => Promise<Settled>;

/** What the nameserver says; 'failed' when it does not. Never rejects. */
export const askNameserver: AskNameserver = async (server, question, options) => {
  const first = await ask(server, { ...question, id: randomInt(2 ** 16), extended: true }, options);
  if (first.kind !== 'failed' || (first.reason !== 'FORMERR' && first.reason !== 'NOTIMP')) return first;
  return ask(server, { ...question, id: randomInt(2 ** 16), extended: false }, options);
};

async function ask(server: Nameserver, query: DnsQuery, options: AskOptions): Promise<Settled> {
  const answer = await within(options, (settle) => askByDatagram(server, query, settle));
  if (answer.kind === 'stray') return { kind: 'failed', reason: 'its answers are to other questions' };
  if (answer.kind !== 'truncated') return answer;
  const whole = await within(options, (settle) => askByStream(server, query, settle));
  if (whole.kind !== 'stray' && whole.kind !== 'truncated') return whole;
  return { kind: 'failed', reason: 'its answer by TCP is none' };
}

/** Starts an exchange, which gives back how to end it, and ends it when it settles, takes too long or is unwanted. */
function within(
  { timeoutMs, signal }: AskOptions,
  begin: (settle: (answer: DnsAnswer) => void) => () => void,
): Promise<DnsAnswer> {
  if (signal.aborted) return Promise.resolve({ kind: 'failed', reason: 'stopped' });
  return new Promise((resolve) => {
    const settle = (answer: DnsAnswer): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      end();
      resolve(answer);
    };
    const abort = (): void => settle({ kind: 'failed', reason: 'stopped' });
    const timer = setTimeout(() => settle({ kind: 'failed', reason: `no answer in ${timeoutMs} ms` }), timeoutMs);
    signal.addEventListener('abort', abort);
    const end = begin(settle);
  });
}

function askByDatagram(server: Nameserver, query: DnsQuery, settle: (answer: DnsAnswer) => void): () => void {
  const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4');
  let strays = 0;
  socket.on('error', (error) => settle({ kind: 'failed', reason: reasonOf(error) }));
  socket.on('message', (bytes) => {
    const answer = readAnswer(bytes, query);
    if (answer.kind === 'stray' && ++strays <= DISCOVERY_LIMITS.strayDatagramsMax) return;
    settle(answer);
  });
  socket.on('connect', () => socket.send(encodeQuery(query)));
  socket.connect(server.port, server.host);
  return () => {
    socket.removeAllListeners();
    socket.on('error', () => {});
    socket.close();
  };
}

function askByStream(server: Nameserver, query: DnsQuery, settle: (answer: DnsAnswer) => void): () => void {
  const socket = connect(server.port, server.host);
  // Two bytes of length and as many bytes as they say, so 64 KiB at most.
  let chunks: Buffer[] = [];
  let size = 0;
  let end = 2;
  const bytes = encodeQuery(query);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  socket.on('error', (error) => settle({ kind: 'failed', reason: reasonOf(error) }));
  socket.on('close', () => settle({ kind: 'failed', reason: 'it closed the connection' }));
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size < end) return;
    const all = Buffer.concat(chunks);
    end = 2 + all.readUInt16BE(0);
    if (size >= end) settle(readAnswer(all.subarray(2, end), query));
    else chunks = [all];
  });
  socket.write(Buffer.concat([length, bytes]));
  return () => {
    socket.removeAllListeners();
    socket.on('error', () => {});
    socket.destroy();
  };
}

function reasonOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
