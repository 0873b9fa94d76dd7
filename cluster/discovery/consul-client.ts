// Requests to Consul's HTTP interface, with its token, a time limit and a bounded answer. The token is in a header and
// in no text: not in errors, and not in what Consul says about it.
// An edge: fetch. Called by: consul-discovery.ts, consul-registration.ts.
import { BrokerError } from '../../src/base/errors.ts';
import { DISCOVERY_LIMITS } from '../limits.ts';

export interface ConsulClientOptions {
  /** As in hsmq's `[consul] address`: "http://localhost:8500". */
  readonly address: string;
  readonly token?: string | undefined;
}

export interface ConsulRequest {
  readonly method: 'GET' | 'PUT';
  /** With its query; names in it are escaped. */
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Statuses that are answers and not errors, besides 200. */
  readonly accept?: readonly number[] | undefined;
}

export interface ConsulResponse {
  readonly status: number;
  /** X-Consul-Index. */
  readonly index: string | null;
  readonly text: string;
}

const REASON_LENGTH_MAX = 200;

export class ConsulClient {
  readonly #origin: string;
  readonly #token: string | undefined;

  constructor({ address, token }: ConsulClientOptions) {
    this.#origin = originOf(address);
    // A header that cannot be sent would be in the error of whoever sends it.
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
      throw new BrokerError(
        'invalid-argument',
        'Cannot use the token for Consul: it has characters that no header may',
      );
    }
    this.#token = token;
  }

  /** Throws a BrokerError for anything but an answer. */
  async request(request: ConsulRequest): Promise<ConsulResponse> {
    try {
      const timeout = AbortSignal.timeout(request.timeoutMs ?? DISCOVERY_LIMITS.consulTimeoutMs);
      const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
      const response = await fetch(this.#origin + request.path, {
        method: request.method,
        headers: this.#token === undefined ? {} : { 'x-consul-token': this.#token },
        // A redirect would take the token to wherever it leads.
        redirect: 'error',
        signal,
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      });
      const text = await readText(response);
      const { status } = response;
      if (status !== 200 && request.accept?.includes(status) !== true) throw new Error(`${status} ${text}`);
      return { status, index: response.headers.get('x-consul-index'), text };
    } catch (thrown) {
      throw new BrokerError('unavailable', `Cannot ask Consul at ${this.#origin}: received ${this.#reasonOf(thrown)}`);
    }
  }

  #reasonOf(thrown: unknown): string {
    if (!(thrown instanceof Error)) return 'an unknown error';
    const { cause } = thrown;
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    const text = `${thrown.message}${code}`;
    const plain = this.#token === undefined ? text : text.replaceAll(this.#token, '***');
    return plain
      .replace(/[^\x20-\x7e]+/g, ' ')
      .trim()
      .slice(0, REASON_LENGTH_MAX);
  }
}

function originOf(address: string): string {
  const refuse = (): never => {
    // The address may hold a password, so it is not repeated.
    throw new BrokerError(
      'invalid-argument',
      'Cannot use the address of Consul: expected one like http://localhost:8500',
    );
  };
  const text = address.includes('://') ? address : `http://${address}`;
  const url = URL.canParse(text) ? new URL(text) : refuse();
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '' || url.password !== '') refuse();
  if (url.search !== '' || url.hash !== '') refuse();
  return url.origin + url.pathname.replace(/\/+$/, '');
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop ends the response.
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > DISCOVERY_LIMITS.consulBytesMax) throw new Error('more bytes than an answer may have');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
