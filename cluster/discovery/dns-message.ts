// Queries and what an answer to one says. Pure: bytes go in and out. An answer comes from whoever guesses the number of
// a query, so everything in it is checked: that it answers this question, that names are names and addresses addresses.
// Called by: dns-exchange.ts.
import { isIPv4, isIPv6 } from 'node:net';
import { type Answer, type DecodedPacket, decode, encode, RECURSION_DESIRED } from 'dns-packet';
import { DISCOVERY_LIMITS } from '../limits.ts';
import { canonicalName, isDnsName } from './dns-name.ts';

export type QueryType = 'A' | 'AAAA' | 'SRV';

export interface DnsQuery {
  /** 16 bits that nobody can guess. */
  readonly id: number;
  readonly name: string;
  readonly type: QueryType;
  /** Whether to say that answers may be larger than 512 bytes; some old nameservers refuse such queries. */
  readonly extended: boolean;
}

export type DnsRecord =
  | { readonly kind: 'address'; readonly host: string }
  | { readonly kind: 'service'; readonly target: string; readonly port: number; readonly priority: number };

export type DnsAnswer =
  | {
      readonly kind: 'records';
      readonly records: readonly DnsRecord[];
      readonly ttlS: number;
      /** Addresses of the targets of services, where the nameserver sent them along. */
      readonly addresses: ReadonlyMap<string, readonly string[]>;
    }
  /** The name stands for another, of which the answer says nothing. */
  | { readonly kind: 'alias'; readonly target: string; readonly ttlS: number }
  /** NXDOMAIN: there is no such name. */
  | { readonly kind: 'absent'; readonly ttlS: number | undefined }
  /** There is the name, but nothing of this type. */
  | { readonly kind: 'empty'; readonly ttlS: number | undefined }
  | { readonly kind: 'truncated' }
  /** This nameserver could not, or would not, answer: SERVFAIL, REFUSED and the like. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** No answer to this query at all. */
  | { readonly kind: 'stray' };

const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

export function encodeQuery({ id, name, type, extended }: DnsQuery): Buffer {
  const size = { udpPayloadSize: DISCOVERY_LIMITS.datagramBytesMax, extendedRcode: 0, ednsVersion: 0, flags: 0 };
  const additionals: Answer[] = extended ? [{ type: 'OPT', name: '.', ...size, flag_do: false, options: [] }] : [];
  return encode({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ type, name }], additionals });
}

export function readAnswer(bytes: Buffer, query: DnsQuery): DnsAnswer {
  const packet = decodeSafely(bytes);
  if (packet === undefined || packet.type !== 'response' || packet.id !== query.id) return { kind: 'stray' };
  const rcode = (packet.flags ?? 0) & 0xf;
  const [question, ...more] = packet.questions ?? [];
  // A nameserver that cannot read the query may leave the question out.
  if (question === undefined && rcode !== 0) return { kind: 'failed', reason: RCODES[rcode] ?? `RCODE ${rcode}` };
  if (question === undefined || more.length > 0) return { kind: 'stray' };
  if (question.type !== query.type || canonicalName(question.name) !== canonicalName(query.name)) {
    return { kind: 'stray' };
  }
  if (packet.flag_tc) return { kind: 'truncated' };
  if (rcode === 3) return { kind: 'absent', ttlS: negativeTtlS(packet) };
  if (rcode !== 0) return { kind: 'failed', reason: RCODES[rcode] ?? `RCODE ${rcode}` };
  return readRecords(packet, query);
}

/** Undefined for what cannot be read. The library throws, and its errors are of no interest. */
function decodeSafely(bytes: Buffer): DecodedPacket | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

function readRecords(packet: DecodedPacket, query: DnsQuery): DnsAnswer {
  const answers = (packet.answers ?? []).filter(isInternet);
  const end = followAliases(answers, canonicalName(query.name));
  if (end === undefined) return { kind: 'failed', reason: 'its aliases do not end' };
  const records: DnsRecord[] = [];
  let ttlS = end.ttlS;
  for (const answer of answers) {
    if (answer.type !== query.type || canonicalName(answer.name) !== end.name) continue;
    const record = readRecord(answer);
    if (record === undefined) continue;
    records.push(record);
    ttlS = Math.min(ttlS, ttlOf(answer));
  }
  if (records.length > 0) return { kind: 'records', records, ttlS, addresses: readAdditional(packet) };
  const negative = negativeTtlS(packet);
  // A nameserver that went to the end of the aliases and found nothing says how long that holds.
  const unfinished = end.name !== canonicalName(query.name) && negative === undefined && isDnsName(end.name);
  return unfinished ? { kind: 'alias', target: end.name, ttlS: end.ttlS } : { kind: 'empty', ttlS: negative };
}

/** The name at the end of the aliases in an answer, and how long the way there holds; undefined: there is no end. */
function followAliases(answers: readonly Answer[], from: string): { name: string; ttlS: number } | undefined {
  const aliases = new Map<string, { target: string; ttlS: number }>();
  for (const answer of answers) {
    if (answer.type !== 'CNAME') continue;
    aliases.set(canonicalName(answer.name), { target: canonicalName(answer.data), ttlS: ttlOf(answer) });
  }
  let end = { name: from, ttlS: Number.POSITIVE_INFINITY };
  for (let step = 0; step <= DISCOVERY_LIMITS.aliasesMax; step++) {
    const alias = aliases.get(end.name);
    if (alias === undefined) return end;
    end = { name: alias.target, ttlS: Math.min(end.ttlS, alias.ttlS) };
  }
  return undefined;
}

/** Undefined for what is no address, and no host that could have one. */
function readRecord(answer: Answer): DnsRecord | undefined {
  if (answer.type === 'A') return isIPv4(answer.data) ? { kind: 'address', host: answer.data } : undefined;
  if (answer.type === 'AAAA') return isIPv6(answer.data) ? { kind: 'address', host: answer.data } : undefined;
  if (answer.type !== 'SRV') return undefined;
  const { target, port, priority } = answer.data;
  // A target of "." says that the service is decidedly not there [RFC 2782].
  if (!isDnsName(target) || port === 0) return undefined;
  return { kind: 'service', target: canonicalName(target), port, priority: priority ?? 0 };
}

function readAdditional(packet: DecodedPacket): Map<string, string[]> {
  const addresses = new Map<string, string[]>();
  for (const answer of packet.additionals ?? []) {
    if (!isInternet(answer)) continue;
    const record = readRecord(answer);
    if (record?.kind !== 'address') continue;
    const name = canonicalName(answer.name);
    const known = addresses.get(name);
    if (known === undefined) addresses.set(name, [record.host]);
    else known.push(record.host);
  }
  return addresses;
}

/** How long it holds that there is nothing [RFC 2308]. */
function negativeTtlS(packet: DecodedPacket): number | undefined {
  for (const answer of packet.authorities ?? []) {
    if (answer.type === 'SOA' && isInternet(answer)) return Math.min(ttlOf(answer), answer.data.minimum ?? 0);
  }
  return undefined;
}

function isInternet(answer: Answer): boolean {
  return 'class' in answer && answer.class === 'IN';
}

/** A number with the highest bit set counts as none [RFC 2181, 8]. */
function ttlOf(answer: Answer): number {
  const ttlS = 'ttl' in answer ? (answer.ttl ?? 0) : 0;
  return ttlS < 2 ** 31 ? ttlS : 0;
}
