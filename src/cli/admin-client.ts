// The admin port of a node, as commands use it: JSON requests, and errors that carry the code which the node gave.
// Called by: connect-options.ts makes it; the queue commands, ledger and bench ask.

/** How long an answer may take, ms: a ledger of a million queues takes seconds. */
const ANSWER_TIMEOUT_MS = 30_000;

/** A request that the admin port refused or did not answer. `code` is the node's. */
class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code: string;

  constructor(code: string, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}

export class AdminClient {
  readonly #url: string;
  readonly #token: string | undefined;

  /** `url` may lack its scheme: `127.0.0.1:8080`. */
  constructor(url: string, token: string | undefined) {
    this.#url = (/^https?:\/\//.test(url) ? url : `http://${url}`).replace(/\/+$/, '');
    this.#token = token;
  }

  get<T>(path: string): Promise<T> {
    return this.#ask<T>('GET', path);
  }

  put<T>(path: string, body: object): Promise<T> {
    return this.#ask<T>('PUT', path, body);
  }

  post<T>(path: string, body: object = {}): Promise<T> {
    return this.#ask<T>('POST', path, body);
  }

  delete<T>(path: string): Promise<T> {
    return this.#ask<T>('DELETE', path);
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = {};
    if (this.#token !== undefined && this.#token !== '') headers.authorization = `Bearer ${this.#token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const response = await this.#fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await readJson(response);
    if (response.ok && answer !== undefined) return answer as T;
    const { code, message } = (answer as { error?: { code?: string; message?: string } } | undefined)?.error ?? {};
    throw new AdminError(
      code ?? 'unavailable',
      message ?? `Cannot ask ${this.#url}: answered with status ${response.status}, expected the admin port of a node`,
    );
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    if (!URL.canParse(url))
      throw new AdminError('invalid-argument', `Cannot connect to ${this.#url}: expected http://HOST:PORT`);
    try {
      return await fetch(url, init);
    } catch (error) {
      const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
      const reason = cause?.code ?? cause?.message ?? message;
      throw new AdminError('unavailable', `Cannot connect to the admin port ${this.#url}: ${reason}`, { cause: error });
    }
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
