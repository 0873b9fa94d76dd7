import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { AdminServer, type AdminServerOptions } from '../../src/admin/admin-server.ts';
import { BrokerError } from '../../src/base/errors.ts';
import { ADMIN_LIMITS } from '../../src/base/limits.ts';
import { FakeView, queueInfo } from './fake-view.ts';

const JSON_HEADERS = { 'content-type': 'application/json' };
const TOKEN = 'Bearer right';

/** A request with what it must be answered. `body` is compared as JSON, or matched as text. */
interface Case {
  readonly fact: string;
  readonly method?: string;
  readonly path: string;
  readonly send?: unknown;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly body?: unknown;
  readonly allow?: string;
}

const CASES: readonly Case[] = [
  { fact: 'health is the body of hsmq', path: '/health', status: 200, body: { status: 'OK' } },
  { fact: 'ready while serving', path: '/ready', status: 200, body: { status: 'ready' } },
  { fact: 'HEAD answers like GET, without a body', method: 'HEAD', path: '/health', status: 200, body: /^$/ },
  { fact: 'the queue list is a page with the total', path: '/api/v1/queues?limit=1', status: 200, body: /"total":3/ },
  { fact: 'the queue list knows a prefix', path: '/api/v1/queues?prefix=a', status: 200, body: /"total":2/ },
  {
    fact: 'an unknown query parameter is refused with the nearest name',
    path: '/api/v1/queues?limt=1',
    status: 400,
    body: /unknown field \\"limt\\", did you mean \\"limit\\"\?/,
  },
  { fact: 'a limit that is no number is refused', path: '/api/v1/queues?limit=x', status: 400, body: /\\"limit\\": / },
  { fact: 'a limit beyond a page is refused', path: '/api/v1/queues?limit=10001', status: 400, body: /<=10000/ },
  { fact: 'a parameter given twice is refused', path: '/api/v1/queues?limit=1&limit=2', status: 400, body: /twice/ },
  { fact: 'one queue', path: '/api/v1/queues/b', status: 200, body: /"name":"b","shard":0,"source":"runtime"/ },
  { fact: 'a name with a slash is percent-encoded', path: '/api/v1/queues/a%2Fb', status: 200, body: /"name":"a\/b"/ },
  {
    fact: 'an unknown queue is 404 with the error form',
    path: '/api/v1/queues/nope',
    status: 404,
    body: { error: { code: 'not-found', message: 'Queue "nope" not found' } },
  },
  { fact: 'a broken escape is refused', path: '/api/v1/queues/%ff', status: 400, body: /percent-encoded UTF-8/ },
  { fact: 'an unknown path says what there is', path: '/api/v1/queue', status: 404, body: /\/api\/v1\/queues, / },
  {
    fact: 'a method that a route lacks is 405 with Allow',
    method: 'PATCH',
    path: '/api/v1/queues/b',
    status: 405,
    allow: 'GET, PUT, DELETE, HEAD, OPTIONS',
  },
  {
    fact: 'OPTIONS tells the methods and grants no origin',
    method: 'OPTIONS',
    path: '/api/v1/queues',
    status: 204,
    allow: 'GET, HEAD, OPTIONS',
  },
  {
    fact: 'a queue is declared with the name of the path',
    method: 'PUT',
    path: '/api/v1/queues/new%2Fone',
    send: { topics: ['x'], limit: 5 },
    status: 200,
    body: /"name":"new\/one".*"topics":\["x"\],"limit":5/,
  },
  {
    fact: 'an unknown field is refused with the nearest name',
    method: 'PUT',
    path: '/api/v1/queues/n',
    send: { topcs: ['x'] },
    status: 400,
    body: /Cannot read the queue declaration: unknown field \\"topcs\\", did you mean \\"topics\\"\?/,
  },
  {
    fact: 'a field of the wrong type is named',
    method: 'PUT',
    path: '/api/v1/queues/n',
    send: { limit: '5' },
    status: 400,
    body: /\\"limit\\": Invalid input: expected number, received string/,
  },
  {
    fact: 'a declaration that differs is a conflict',
    method: 'PUT',
    path: '/api/v1/queues/b',
    send: { limit: 7 },
    status: 409,
    body: /already-exists/,
  },
  {
    fact: 'the body may not name another queue',
    method: 'PUT',
    path: '/api/v1/queues/b',
    send: { name: 'c' },
    status: 400,
    body: /the body names \\"c\\"/,
  },
  {
    fact: 'a name that is too long is refused',
    method: 'PUT',
    path: '/api/v1/queues/n',
    send: { topics: ['é'.repeat(128)] },
    status: 400,
    body: /\\"topics.0\\": expected at most 255 bytes/,
  },
  {
    fact: 'broken JSON is refused',
    method: 'PUT',
    path: '/api/v1/queues/n',
    headers: JSON_HEADERS,
    send: '{"limit":',
    status: 400,
    body: /as JSON/,
  },
  {
    fact: 'purge tells how many',
    method: 'POST',
    path: '/api/v1/queues/a/purge',
    send: {},
    status: 200,
    body: { purged: 3 },
  },
  { fact: 'a write needs no body', method: 'POST', path: '/api/v1/queues/a/purge', headers: JSON_HEADERS, status: 200 },
  {
    fact: 'a write without its content type is refused, as a page of another site could send it',
    method: 'POST',
    path: '/api/v1/queues/a/purge',
    headers: { 'content-type': 'text/plain' },
    send: '{}',
    status: 415,
    body: /expected application\/json/,
  },
  { fact: 'pause', method: 'POST', path: '/api/v1/queues/a/pause', send: {}, status: 200, body: {} },
  { fact: 'resume', method: 'POST', path: '/api/v1/queues/a/resume', send: {}, status: 200, body: {} },
  { fact: 'requeue', method: 'POST', path: '/api/v1/queues/a/requeue', send: {}, status: 200, body: { moved: 2 } },
  {
    fact: 'requeue into another queue',
    method: 'POST',
    path: '/api/v1/queues/a/requeue',
    send: { to: 'b' },
    status: 200,
    body: { moved: 2 },
  },
  {
    fact: 'an action takes no unknown field',
    method: 'POST',
    path: '/api/v1/queues/a/purge',
    send: { force: true },
    status: 400,
    body: /unknown field \\"force\\", expected none/,
  },
  {
    fact: 'peek gives bodies as base64, and a preview',
    path: '/api/v1/queues/a/messages',
    status: 200,
    body: /"format":"raw","body":"aGVsbG8=","preview":"hello"/,
  },
  { fact: 'peek is bounded', path: '/api/v1/queues/a/messages?limit=101', status: 400, body: /<=100/ },
  {
    fact: 'delete if empty refuses a queue with messages',
    method: 'DELETE',
    path: '/api/v1/queues/a?ifEmpty=true',
    status: 409,
    body: /holds 3 messages/,
  },
  { fact: 'delete', method: 'DELETE', path: '/api/v1/queues/a', status: 200, body: { purged: 3 } },
  { fact: 'the ledger', path: '/api/v1/ledger', status: 200, body: /"balanced":true,"imbalance":0,"total":\{/ },
  { fact: 'stats', path: '/api/v1/stats', status: 200, body: /"requests":\{"\/hsmq.v1.hsmq.HSMQ\/Publish":8\}/ },
  {
    fact: 'the description of all routes',
    path: '/api/v1/openapi.json',
    status: 200,
    body: /"\/api\/v1\/queues\/\{name\}"/,
  },
  {
    fact: 'a foreign name on loopback is refused: DNS rebinding',
    path: '/api/v1/ledger',
    headers: { host: 'evil.example' },
    status: 421,
    body: /expected localhost/,
  },
  {
    fact: 'a request of another site is refused',
    path: '/api/v1/ledger',
    headers: { origin: 'http://evil.example' },
    status: 403,
    body: /another site/,
  },
];

const silentLog = { event: () => {}, warn: () => {}, error: () => {} };

describe('AdminServer', () => {
  let server: AdminServer;
  let view: FakeView;
  let port: number;

  async function start(options: Partial<AdminServerOptions> = {}): Promise<void> {
    view = new FakeView(
      queueInfo({ name: 'a' }, { accepted: 3, ready: 3 }),
      queueInfo({ name: 'a/b' }),
      queueInfo({ name: 'b' }),
    );
    server = new AdminServer({ view, log: silentLog, ...options });
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  }

  afterEach(() => server.close());

  /** Sends by node:http's own rules: fetch does not let a test choose Host and Origin. */
  async function ask(
    wanted: Omit<Case, 'fact' | 'status'>,
  ): Promise<{ status: number; headers: Headers; text: string }> {
    const { request } = await import('node:http');
    const body =
      wanted.send === undefined || typeof wanted.send === 'string' ? wanted.send : JSON.stringify(wanted.send);
    const headers = { ...(body === undefined ? {} : JSON_HEADERS), ...wanted.headers };
    return new Promise((resolve, reject) => {
      const sent = request(
        { port, host: '127.0.0.1', method: wanted.method ?? 'GET', path: wanted.path, headers },
        (got) => {
          let text = '';
          got.setEncoding('utf8').on('data', (chunk) => (text += chunk));
          got.on('end', () =>
            resolve({ status: got.statusCode ?? 0, headers: new Headers(got.headers as Record<string, string>), text }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  for (const wanted of CASES) {
    it(wanted.fact, async () => {
      await start();
      const { status, headers, text } = await ask(wanted);
      assert.equal(status, wanted.status, text);
      if (wanted.body instanceof RegExp) assert.match(text, wanted.body);
      else if (wanted.body !== undefined) assert.deepEqual(JSON.parse(text), wanted.body);
      if (wanted.allow !== undefined) assert.equal(headers.get('allow'), wanted.allow);
      assert.equal(headers.get('access-control-allow-origin'), null);
      if (status >= 400) assert.deepEqual(Object.keys(JSON.parse(text).error), ['code', 'message']);
    });
  }

  it('hands on only the fields that were given', async () => {
    await start();
    await ask({ method: 'PUT', path: '/api/v1/queues/n', send: { limit: 5 } });
    assert.deepEqual(view.calls, [['declare', { limit: 5, name: 'n' }]]);
  });

  for (const state of ['starting', 'draining'] as const) {
    it(`is not ready while ${state}, and says why; it is healthy`, async () => {
      await start();
      view.nodeState = state;
      const ready = await ask({ path: '/ready' });
      assert.equal(ready.status, 503);
      assert.match(ready.text, new RegExp(`"status":"${state}","reason":"The node is ${state}`));
      assert.equal((await ask({ path: '/health' })).status, 200);
    });
  }

  it('a fault of ours is told without its text, and logged', async () => {
    const logged: unknown[] = [];
    await start({ log: { ...silentLog, error: (name, details) => logged.push([name, details.path]) } });
    view.failure = new Error('secret detail');
    const answer = await ask({ path: '/api/v1/stats' });
    assert.deepEqual(
      [answer.status, JSON.parse(answer.text)],
      [500, { error: { code: 'internal', message: 'Internal error' } }],
    );
    assert.deepEqual(logged, [['admin.failed', '/api/v1/stats']]);
  });

  it('a body over the limit is refused, announced or not, and the connection lives on', async () => {
    await start();
    const large = `"${'x'.repeat(ADMIN_LIMITS.bodyBytesMax)}"`;
    const path = '/api/v1/queues/n';
    assert.equal((await ask({ method: 'PUT', path, send: large })).status, 413);
    const chunked = { ...JSON_HEADERS, 'transfer-encoding': 'chunked' };
    assert.equal((await ask({ method: 'PUT', path, send: large, headers: chunked })).status, 413);
    assert.equal((await ask({ path: '/health' })).status, 200);
  });

  describe('with authorization', () => {
    const authorize = (authorization: string | undefined): void => {
      if (authorization !== TOKEN) throw new BrokerError('unauthenticated', 'Cannot authorize: no valid token');
    };

    it('REST needs the token; health and ready do not', async () => {
      await start({ authorize });
      const refused = await ask({ path: '/api/v1/ledger', headers: { authorization: 'Bearer wrong' } });
      assert.deepEqual([refused.status, refused.headers.get('www-authenticate')], [401, 'Bearer']);
      assert.doesNotMatch(refused.text, /wrong/);
      assert.equal((await ask({ path: '/api/v1/ledger', headers: { authorization: TOKEN } })).status, 200);
      assert.equal((await ask({ path: '/health' })).status, 200);
      assert.equal((await ask({ path: '/ready' })).status, 200);
    });

    it('metrics on loopback need it only when told', async () => {
      await start({ authorize });
      assert.equal((await ask({ path: '/metrics' })).status, 200);
      await server.close();
      await start({ authorize, metricsAuth: true });
      assert.equal((await ask({ path: '/metrics' })).status, 401);
    });
  });

  it('metrics have the path and the labels that they are given', async () => {
    await start({ metricsPath: '/m/all', metricsLabels: { zone: 'north', name: 'lost' } });
    const { status, text } = await ask({ path: '/m/all' });
    assert.equal(status, 200);
    assert.match(text, /^hsmq_queue\{.*name="a\/b".*\}/m);
    assert.match(text, /^process_resident_memory_bytes\{zone="north",name="lost"\}/m);
    assert.match(text, /^hsmq_queue\{.*zone="north".*\}/m);
    assert.equal((await ask({ path: '/metrics' })).status, 404);
  });

  it('an observation port serves nothing else', async () => {
    await start({ routes: 'observation' });
    assert.equal((await ask({ path: '/metrics' })).status, 200);
    assert.equal((await ask({ path: '/api/v1/queues' })).status, 404);
  });

  it('a port in use is told in words', async () => {
    await start();
    const second = new AdminServer({ view, log: silentLog });
    await assert.rejects(second.listen({ host: '127.0.0.1', port }), {
      code: 'failed-precondition',
      message: `Cannot listen for admin on 127.0.0.1:${port}: the port is in use`,
    });
  });

  it('close() ends idle connections and those that never finish a request', async () => {
    await start();
    const slow = connect(port, '127.0.0.1');
    slow.write('GET /health HTTP/1.1\r\nHost: loc');
    await new Promise((resolve) => slow.once('connect', resolve));
    const ended = new Promise((resolve) => slow.once('close', resolve));
    slow.on('error', () => {});
    await server.close();
    await ended;
  });

  it('what is not HTTP gets 400, and others are served on', async () => {
    await start();
    const socket = connect(port, '127.0.0.1');
    const text = await new Promise<string>((resolve) => {
      let got = '';
      socket.setEncoding('utf8').on('data', (chunk) => (got += chunk));
      socket.on('close', () => resolve(got));
      socket.write('\x16\x03\x01garbage\r\n\r\n');
    });
    assert.match(text, /^HTTP\/1.1 400/);
    assert.equal((await ask({ path: '/health' })).status, 200);
  });
});
