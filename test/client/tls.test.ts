import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { ServerCredentials } from '@grpc/grpc-js';
import { generate } from 'selfsigned';
import { RingClient } from '../../src/client/index.ts';
import type { TlsOptions } from '../../src/client/options.ts';
import { FakeNode } from './fake-node.ts';

interface Pem {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** A certificate that signs itself, for a name or an address. */
async function selfSigned(host: string): Promise<Pem> {
  const made = await generate([{ name: 'commonName', value: host }], {
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host }] },
    ],
  });
  return { key: Buffer.from(made.private), cert: Buffer.from(made.cert) };
}

describe('RingClient by TLS', () => {
  let server: Pem;
  let alice: Pem;
  let node: FakeNode;

  before(async () => {
    [server, alice] = await Promise.all([selfSigned('node.example'), selfSigned('alice')]);
    const pairs = [{ private_key: server.key, cert_chain: server.cert }];
    node = await new FakeNode('q').start(ServerCredentials.createSsl(alice.cert, pairs, true));
  });
  after(() => node.stop());

  async function publish(tls: boolean | TlsOptions): Promise<void> {
    const client = await RingClient.connect({ address: node.address, tls });
    await client.publish('q', 'x');
    await client.close();
  }

  it('trusts the authority that it is given, and shows its own certificate', () =>
    publish({ ca: server.cert, ...alice, serverName: 'node.example' }));

  it('does not trust an unknown authority, nor a name that is not in the certificate', async () => {
    await assert.rejects(publish(true), { code: 'unavailable', message: /^Cannot connect to .*certificate/ });
    await assert.rejects(publish({ ca: server.cert, ...alice }), {
      code: 'unavailable',
      message: /altnames|does not match/,
    });
  });

  it('checks a node that is reached by its address against that address', async () => {
    const byAddress = await selfSigned('127.0.0.1');
    const pairs = [{ private_key: byAddress.key, cert_chain: byAddress.cert }];
    const other = await new FakeNode('q').start(ServerCredentials.createSsl(null, pairs));
    const client = await RingClient.connect({ address: other.address, tls: { ca: byAddress.cert } });
    await client.publish('q', 'x');
    await client.close();
    other.stop();
  });

  it('is refused without a certificate that the node trusts', async () => {
    const stranger = await selfSigned('stranger');
    const known = { ca: server.cert, serverName: 'node.example' };
    await assert.rejects(publish(known), { code: 'unavailable' });
    await assert.rejects(publish({ ...known, ...stranger }), { code: 'unavailable' });
  });

  it('never speaks cleartext to a node with TLS by mistake', async () => {
    await assert.rejects(publish(false), { code: 'unavailable' });
  });
});
