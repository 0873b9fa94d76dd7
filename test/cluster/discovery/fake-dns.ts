// A nameserver for tests: UDP and TCP on one loopback port, answers from a function, and whatever bytes a test wants.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode, type Question, TRUNCATED_RESPONSE } from 'dns-packet';

export interface FakeReply {
  readonly answers?: Answer[];
  readonly additionals?: Answer[];
  readonly authorities?: Answer[];
  readonly rcode?: 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'REFUSED';
  /** By UDP alone. */
  readonly truncated?: boolean;
  /** Sent as they are, before the answer. */
  readonly before?: readonly Buffer[];
  readonly silent?: boolean;
}

export interface FakeQuery extends Question {
  readonly id: number;
  readonly via: 'udp' | 'tcp';
  readonly extended: boolean;
  /** Where the query came from. */
  readonly port: number;
}

export type FakeZone = (query: FakeQuery) => FakeReply | Promise<FakeReply>;

const RCODES = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };

export class FakeDns {
  readonly queries: FakeQuery[] = [];
  zone: FakeZone;
  readonly #udp: Socket;
  readonly #tcp: Server;

  private constructor(zone: FakeZone, udp: Socket, tcp: Server) {
    this.zone = zone;
    this.#udp = udp;
    this.#tcp = tcp;
  }

  static async start(zone: FakeZone): Promise<FakeDns> {
    for (;;) {
      const udp = createSocket('udp4');
      udp.bind(0, '127.0.0.1');
      await once(udp, 'listening');
      const tcp = createServer();
      tcp.listen(udp.address().port, '127.0.0.1');
      const listening = await once(tcp, 'listening').then(
        () => true,
        () => false,
      );
      if (!listening) {
        udp.close();
        continue;
      }
      const fake = new FakeDns(zone, udp, tcp);
      udp.on('message', (bytes, from) => void fake.#answerDatagram(bytes, from));
      tcp.on('connection', (socket) => {
        socket.on('error', () => {});
        socket.on('data', (bytes: Buffer) => {
          void fake.#answer(bytes.subarray(2), 'tcp', socket.remotePort ?? 0).then((replies) => {
            for (const reply of replies) {
              const length = Buffer.alloc(2);
              length.writeUInt16BE(reply.length);
              // Cut in two, as a network may.
              socket.write(length.subarray(0, 1));
              setImmediate(() => socket.write(Buffer.concat([length.subarray(1), reply])));
            }
          });
        });
      });
      return fake;
    }
  }

  get port(): number {
    return (this.#tcp.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#udp.close();
    this.#tcp.close();
    await once(this.#tcp, 'close');
  }

  async #answerDatagram(bytes: Buffer, from: RemoteInfo): Promise<void> {
    for (const reply of await this.#answer(bytes, 'udp', from.port)) this.#udp.send(reply, from.port, from.address);
  }

  async #answer(bytes: Buffer, via: 'udp' | 'tcp', port: number): Promise<Buffer[]> {
    const packet = decode(bytes);
    const question = packet.questions?.[0];
    if (question === undefined) return [];
    const extended = (packet.additionals ?? []).some(({ type }) => type === 'OPT');
    const query: FakeQuery = { ...question, id: packet.id ?? 0, via, port, extended };
    this.queries.push(query);
    const reply = await this.zone(query);
    return [...(reply.before ?? []), ...(reply.silent === true ? [] : [encodeReply(query, reply)])];
  }
}

export function encodeReply(query: { id: number; via?: string } & Question, reply: FakeReply): Buffer {
  const cut = reply.truncated === true && query.via === 'udp';
  const rcode = reply.rcode === undefined ? 0 : RCODES[reply.rcode];
  return encode({
    type: 'response',
    id: query.id,
    flags: AUTHORITATIVE_ANSWER | rcode | (cut ? TRUNCATED_RESPONSE : 0),
    questions: [{ type: query.type, name: query.name }],
    answers: cut ? [] : (reply.answers ?? []),
    additionals: reply.additionals ?? [],
    authorities: reply.authorities ?? [],
  });
}

export function a(name: string, data: string, ttl = 30): Answer {
  return { type: 'A', name, data, ttl };
}

export function aaaa(name: string, data: string, ttl = 30): Answer {
  return { type: 'AAAA', name, data, ttl };
}

export function cname(name: string, data: string, ttl = 30): Answer {
  return { type: 'CNAME', name, data, ttl };
}

export function srv(name: string, target: string, options: { port: number; priority?: number; ttl?: number }): Answer {
  const { port, priority = 0, ttl = 30 } = options;
  return { type: 'SRV', name, ttl, data: { target, port, priority, weight: 0 } };
}

export function soa(name: string, { ttl, minimum }: { ttl: number; minimum: number }): Answer {
  return { type: 'SOA', name, ttl, data: { mname: 'ns', rname: 'root', serial: 1, retry: 1, expire: 1, minimum } };
}

/** A zone of fixed records: NXDOMAIN for names that have none. */
export function zoneOf(records: readonly Answer[]): FakeZone {
  return (query) => {
    const named = records.filter(({ name }) => name.toLowerCase() === query.name.toLowerCase());
    if (named.length === 0) return { rcode: 'NXDOMAIN' };
    return { answers: named.filter(({ type }) => type === query.type || type === 'CNAME') };
  };
}

/** A resolv.conf with these lines, for as long as the test takes. */
export async function withResolvConf(lines: readonly string[], use: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ringmq-dns-'));
  const file = path.join(folder, 'resolv.conf');
  await writeFile(file, `${lines.join('\n')}\n`);
  try {
    await use(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}
