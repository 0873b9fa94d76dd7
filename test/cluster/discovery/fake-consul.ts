// A Consul agent for tests: services and checks in memory, blocking queries that end when something changes, and an
// answer of the test's own where it wants one.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
  readonly body: unknown;
}

interface FakeService {
  readonly body: Record<string, unknown>;
  status: string;
}

/** Undefined: as an agent would answer. */
export type FakeAnswer = (
  request: FakeRequest,
) => { status: number; body: string; headers?: Readonly<Record<string, string>> } | undefined;

export class FakeConsul {
  readonly requests: FakeRequest[] = [];
  readonly services = new Map<string, FakeService>();
  /** Requests that wait for a change. */
  waiting = 0;
  index = 10;
  token: string | undefined;
  answer: FakeAnswer = () => undefined;
  readonly #server: Server;
  readonly #changed = new Set<() => void>();
  readonly #asked = new Set<() => void>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeConsul> {
    const server = createServer();
    const fake = new FakeConsul(server);
    server.on('request', (request, response) => void fake.#serve(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return fake;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  /** An instance that was registered by somebody else. */
  add(id: string, service: { address?: string; port: number; status?: string; name?: string }): void {
    const body = { ID: id, Name: service.name ?? 'queues', Address: service.address ?? '', Port: service.port };
    this.services.set(id, { body, status: service.status ?? 'passing' });
    this.change();
  }

  change(): void {
    this.index++;
    for (const wake of [...this.#changed]) wake();
  }

  /** Until what is asked holds; looked at after each request. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#asked.add(resolve));
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    const url = new URL(incoming.url ?? '/', 'http://fake');
    const text = Buffer.concat(await incoming.toArray()).toString();
    const token = incoming.headers['x-consul-token'];
    const request: FakeRequest = {
      method: incoming.method ?? '',
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      token: typeof token === 'string' ? token : undefined,
      body: text === '' ? undefined : JSON.parse(text),
    };
    this.requests.push(request);
    const answer: ReturnType<FakeAnswer> & {} = this.answer(request) ?? (await this.#agent(request, response));
    const headers = { 'x-consul-index': String(this.index), ...answer.headers };
    response.writeHead(answer.status, headers).end(answer.body);
    this.#tell();
  }

  #tell(): void {
    for (const wake of [...this.#asked]) wake();
    this.#asked.clear();
  }

  async #agent(request: FakeRequest, response: ServerResponse): Promise<{ status: number; body: string }> {
    const { method, path, query, token } = request;
    if (this.token !== undefined && token !== this.token) return { status: 403, body: `ACL not found: ${token}` };
    const [, health] = /^\/v1\/health\/service\/(.+)$/.exec(path) ?? [];
    if (method === 'GET' && health !== undefined) {
      const index = Number(query.get('index') ?? 0);
      if (index > 0 && index >= this.index) await this.#wait(response);
      return { status: 200, body: JSON.stringify(this.#health(health)) };
    }
    if (method === 'PUT' && path === '/v1/agent/service/register') {
      const body = request.body as Record<string, unknown>;
      const check = body.Check as { Status?: string } | undefined;
      this.services.set(String(body.ID), { body, status: check?.Status ?? 'passing' });
      this.change();
      return { status: 200, body: '' };
    }
    return this.#known(request);
  }

  #known({ method, path, body }: FakeRequest): { status: number; body: string } {
    const [, verb, id] =
      /^\/v1\/agent\/(service\/deregister|service|check\/update)\/(?:service:)?(.+)$/.exec(path) ?? [];
    const service = this.services.get(id ?? '');
    if (service === undefined) return { status: 404, body: `Unknown ${path}` };
    if (method === 'PUT' && verb === 'service/deregister') this.services.delete(id);
    else if (method === 'PUT' && verb === 'check/update') service.status = String((body as { Status: string }).Status);
    else if (method !== 'GET' || verb !== 'service') return { status: 405, body: '' };
    if (method === 'PUT') this.change();
    return { status: 200, body: '{}' };
  }

  #health(name: string): unknown[] {
    return [...this.services.values()]
      .filter(({ body, status }) => body.Name === name && status === 'passing')
      .map(({ body }) => ({
        Node: { Node: 'agent', Address: '10.1.1.1' },
        Service: { ID: body.ID, Address: body.Address ?? '', Port: body.Port },
        Checks: [],
      }));
  }

  #wait(response: ServerResponse): Promise<void> {
    this.waiting++;
    this.#tell();
    return new Promise((resolve) => {
      const wake = (): void => {
        if (!this.#changed.delete(wake)) return;
        this.waiting--;
        resolve();
        this.#tell();
      };
      this.#changed.add(wake);
      response.on('close', wake);
    });
  }
}
