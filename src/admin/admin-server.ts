// The admin port: one node:http server for REST, metrics, health and readiness. Each request passes the same gates in
// the same order: who sent it (request-guard), which route, which method, may they, what did they send - then the
// handler.
// Lives on: main, one an address. Called by: node.ts.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BrokerError } from '../base/errors.ts';
import { ADMIN_LIMITS } from '../base/limits.ts';
import type { NodeView } from '../broker/node-view.ts';
import { type Answer, errorAnswer } from './answer.ts';
import { MESSAGE_ROUTES } from './message-routes.ts';
import { Metrics } from './metrics.ts';
import { observationRoutes, reportRoutes } from './node-routes.ts';
import { QUEUE_ROUTES } from './queue-routes.ts';
import { readJson } from './request-body.ts';
import { checkContentType, checkOrigin, isLoopback } from './request-guard.ts';
import type { Access, Route } from './route.ts';
import { allowedMethods, operationOf, Router } from './router.ts';

/** What the admin surface needs of the log; base/log.ts has it. */
export interface AdminLog {
  event(name: string, details: Readonly<Record<string, unknown>>): void;
  warn(name: string, details: Readonly<Record<string, unknown>>): void;
  error(name: string, details: Readonly<Record<string, unknown>>): void;
}

export interface AdminServerOptions {
  readonly view: NodeView;
  readonly log: AdminLog;
  /**
   * Throws (or rejects with) a BrokerError when the `authorization` header does not open the port. Absent: anyone may.
   */
  readonly authorize?: ((authorization: string | undefined) => unknown) | undefined;
  /** Whether /metrics needs what the REST routes need. Default: only when the port can be reached from outside. */
  readonly metricsAuth?: boolean | undefined;
  /** `observation`: /metrics, /health and /ready alone, as on hsmq's `[prometheus] http_address`. Default `all`. */
  readonly routes?: 'all' | 'observation' | undefined;
  /** Where metrics are. Default `/metrics`. */
  readonly metricsPath?: string | undefined;
  /** Labels that every metric has besides its own. */
  readonly metricsLabels?: Readonly<Record<string, string>> | undefined;
  /** Queues with time series of their own; above it they are summed up. Default: ADMIN_LIMITS.queueSeriesMax. */
  readonly queueSeriesMax?: number | undefined;
}

const ANSWER_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const;

export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #router: Router;
  readonly #server: Server;
  #host = '';

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#router = new Router(routesOf(options));
    this.#server = createServer(
      {
        headersTimeout: ADMIN_LIMITS.headersTimeoutMs,
        requestTimeout: ADMIN_LIMITS.requestTimeoutMs,
        keepAliveTimeout: ADMIN_LIMITS.keepAliveTimeoutMs,
        connectionsCheckingInterval: ADMIN_LIMITS.headersTimeoutMs / 10,
        maxHeaderSize: ADMIN_LIMITS.headerBytesMax,
      },
      (request, response) => void this.#serve(request, response),
    );
    // A client that reads nothing must not hold its answer for ever.
    this.#server.setTimeout(ADMIN_LIMITS.requestTimeoutMs, (socket) => socket.destroy());
    this.#server.maxConnections = ADMIN_LIMITS.connectionsMax;
  }

  /** Opens the port (0: any free one). Throws `failed-precondition` when it cannot. */
  async listen({ host, port }: { readonly host: string; readonly port: number }): Promise<{ port: number }> {
    this.#host = host;
    this.#server.listen({ host, port });
    try {
      await once(this.#server, 'listening');
    } catch (error) {
      throw new BrokerError('failed-precondition', `Cannot listen for admin on ${host}:${port}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
    const taken = (this.#server.address() as AddressInfo).port;
    const auth = this.#options.authorize === undefined ? 'none' : 'bearer';
    this.#options.log.event('admin.listening', { host, port: taken, auth, metricsAuth: this.#metricsNeedAuth() });
    if (auth === 'none' && !isLoopback(host)) this.#options.log.warn('admin.open', { host, port: taken });
    return { port: taken };
  }

  /** Stops taking connections, lets answers under way end for a moment, then cuts what is left. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    const cut = setTimeout(() => this.#server.closeAllConnections(), ADMIN_LIMITS.closeGraceMs);
    await closed;
    clearTimeout(cut);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#answer(request);
    } catch (thrown) {
      answer = errorAnswer(thrown);
      if (answer.status === 500)
        this.#options.log.error('admin.failed', { method: request.method, path: request.url, error: thrown });
    }
    write(request, response, answer);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    checkOrigin(request.headers, this.#host);
    const url = request.url ?? '/';
    const [path, search = ''] = url.split('?', 2);
    const method = request.method ?? 'GET';
    const { route, params } = this.#router.find(path);
    if (method === 'OPTIONS') return { status: 204, headers: { allow: allowedMethods(route) }, body: '' };
    const operation = operationOf(route, method);
    await this.#authorize(route.access, request.headers.authorization);
    checkContentType(method, request.headers);
    const body = operation.body === undefined ? undefined : await readJson(request);
    return operation.handle({ view: this.#options.view, params, query: new URLSearchParams(search), body });
  }

  async #authorize(access: Access, authorization: string | undefined): Promise<void> {
    const { authorize } = this.#options;
    if (authorize === undefined || access === 'open') return;
    if (access === 'metrics' && !this.#metricsNeedAuth()) return;
    await authorize(authorization);
  }

  #metricsNeedAuth(): boolean {
    if (this.#options.authorize === undefined) return false;
    return this.#options.metricsAuth ?? !isLoopback(this.#host);
  }
}

function routesOf(options: AdminServerOptions): Route[] {
  const { view, queueSeriesMax = ADMIN_LIMITS.queueSeriesMax, metricsPath = '/metrics', metricsLabels = {} } = options;
  const metrics = new Metrics({ view, queueSeriesMax, labels: metricsLabels });
  const observation = observationRoutes(metrics, metricsPath);
  if (options.routes === 'observation') return observation;
  const all: Route[] = [...observation, ...QUEUE_ROUTES, ...MESSAGE_ROUTES];
  all.push(...reportRoutes(() => all));
  return all;
}

function write(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const body = Buffer.from(answer.body);
  const length = answer.status === 204 ? {} : { 'content-length': body.length };
  response.writeHead(answer.status, { ...ANSWER_HEADERS, ...answer.headers, ...length });
  response.end(request.method === 'HEAD' ? undefined : body);
  // A body that was refused unread is thrown away, within the request's time limit: closing instead would reset the
  // connection before the client has read why.
  request.resume();
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return 'the port is in use';
    case 'EACCES':
      return 'the system does not allow this port';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address';
    default:
      return error.message;
  }
}
