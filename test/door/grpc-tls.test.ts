import assert from 'node:assert/strict';
import { connect as connectTls } from 'node:tls';
import { credentials, type ServiceError } from '@grpc/grpc-js';
import { generate } from 'selfsigned';
import type { GrpcTls } from '../../src/door/grpc-door.ts';
import { EchoServer, type Text, until } from './echo.ts';

interface Certificate {
  readonly key: string;
  readonly cert: string;
}

async function certificate(name: string, ca?: Certificate): Promise<Certificate> {
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ...(ca === undefined ? {} : { ca: { key: ca.key, cert: ca.cert } }),
    extensions: [
      { name: 'basicConstraints', cA: ca === undefined },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { key: made.private, cert: made.cert };
}

/** The name that the certificates are for, as 127.0.0.1 is no TLS server name. */
const LOCALHOST = { 'grpc.ssl_target_name_override': 'localhost', 'grpc.default_authority': 'localhost' };

describe('GrpcDoor with TLS', () => {
  let authority: Certificate;
  let own: Certificate;
  let alice: Certificate;
  let server: EchoServer;
  const names: (string | undefined)[] = [];

  before(async () => {
    authority = await certificate('test authority');
    own = await certificate('localhost', authority);
    alice = await certificate('alice', authority);
  });
  afterEach(() => server.stop());

  async function serve(extra: Partial<GrpcTls> = {}, limits = {}): Promise<void> {
    names.length = 0;
    server = await new EchoServer({
      tls: { ...own, ...extra },
      limits,
      authorize: (_metadata, name) => {
        names.push(name);
        return { name: name ?? 'anonymous', kind: name === undefined ? 'anonymous' : 'certificate' };
      },
    }).start();
  }

  function call(identity?: Certificate, root = authority): Promise<string> {
    const key = identity === undefined ? null : Buffer.from(identity.key);
    const chain = identity === undefined ? null : Buffer.from(identity.cert);
    const channel = credentials.createSsl(Buffer.from(root.cert), key, chain);
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, text: Text) => (error ? reject(error) : resolve(text.text));
      server.client(LOCALHOST, channel).Unary({ text: 'secret' }, { deadline: Date.now() + 2000 }, done);
    });
  }

  it('serves grpc-js over TLS', async () => {
    await serve();
    assert.equal(await call(), 'secret');
    assert.deepEqual(names, [undefined]);
  });

  it('takes the identity from a client certificate', async () => {
    await serve({ ca: authority.cert, requireClientCertificate: true });
    assert.equal(await call(alice), 'secret');
    assert.deepEqual(names, ['alice']);
  });

  it('refuses who has no certificate where one is required, or one of another authority', async () => {
    await serve({ ca: authority.cert, requireClientCertificate: true });
    await assert.rejects(call());
    const stranger = await certificate('alice', await certificate('other authority'));
    await assert.rejects(call(stranger));
    assert.deepEqual(names, []);
    await until(() => (server.door.stats.refused.get('tls') ?? 0) >= 2, 'both are counted');
    assert.equal(await call(alice), 'secret');
  });

  it('does not believe a certificate it cannot verify where none is required', async () => {
    await serve({ ca: authority.cert });
    const stranger = await certificate('alice', await certificate('other authority'));
    assert.equal(await call(stranger), 'secret');
    assert.deepEqual(names, [undefined]);
  });

  it('closes what does not speak TLS, or does not finish its handshake', async () => {
    await serve({}, { prefaceTimeoutMs: 100 });
    const plain = server.client();
    await new Promise((resolve) => plain.Unary({}, { deadline: Date.now() + 300 }, resolve));
    await until(() => (server.door.stats.refused.get('tls') ?? 0) >= 1, 'it is counted');
    const silent = connectTls({ host: '127.0.0.1', port: server.port, ca: authority.cert, ALPNProtocols: ['h2'] });
    silent.on('error', () => {});
    await until(() => (server.door.stats.refused.get('preface-timeout') ?? 0) === 1, 'silence is counted');
    silent.destroy();
  });

  it('uses new certificates for new connections without a restart', async () => {
    await serve();
    assert.equal(await call(), 'secret');
    const other = await certificate('other authority');
    server.door.reloadTls(await certificate('localhost', other));
    await assert.rejects(call());
    assert.equal(await call(undefined, other), 'secret');
  });

  it('serves open calls to their end when it closes', async () => {
    await serve();
    const channel = credentials.createSsl(Buffer.from(authority.cert));
    const chat = server.client(LOCALHOST, channel).Chat();
    const texts: string[] = [];
    chat.on('data', (text: Text) => texts.push(text.text));
    chat.write({ text: 'before' });
    await until(() => texts.length === 1, 'the call is open');
    const closed = server.door.close(5000);
    chat.write({ text: 'after' });
    chat.end();
    await closed;
    assert.deepEqual(texts, ['before', 'after']);
  });
});
