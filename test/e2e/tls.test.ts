import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { generate } from 'selfsigned';
import { HsmqClient } from './support/hsmq-client.ts';
import { NodeProcess } from './support/node-process.ts';

interface Pem {
  readonly key: string;
  readonly cert: string;
}

async function selfSigned(name: string): Promise<Pem> {
  const made = await generate([{ name: 'commonName', value: name }], {
    extensions: [
      { name: 'basicConstraints', cA: true },
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

describe('a node with TLS', function () {
  this.timeout(60_000);
  let folder: string;
  let server: Pem;
  let alice: Pem;
  let stranger: Pem;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ringmq-tls-'));
    [server, alice, stranger] = await Promise.all(['localhost', 'alice', 'stranger'].map(selfSigned));
    writeFileSync(join(folder, 'key.pem'), server.key);
    writeFileSync(join(folder, 'cert.pem'), server.cert);
    writeFileSync(join(folder, 'clients.pem'), alice.cert);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const toml = (extra = ''): string => `
[tls]
cert = "${join(folder, 'cert.pem')}"
key = "${join(folder, 'key.pem')}"
${extra}
[[queues]]
name = "q"
topics = ["t"]
`;

  async function publishAs(node: NodeProcess, client: Pem | undefined): Promise<string> {
    const key = client === undefined ? undefined : Buffer.from(client.key);
    const cert = client === undefined ? undefined : Buffer.from(client.cert);
    const hsmq = new HsmqClient(`localhost:${node.grpcPort}`, {
      credentials: credentials.createSsl(Buffer.from(server.cert), key ?? null, cert ?? null),
    });
    try {
      return (await hsmq.publish('t', 'x')).kind;
    } finally {
      hsmq.close();
    }
  }

  it('serves clients that trust its certificate, and no cleartext', async () => {
    const node = await NodeProcess.start({ toml: toml() });
    assert.equal(await publishAs(node, undefined), 'message_meta');
    const plain = new HsmqClient(node.address);
    await assert.rejects(plain.publish('t', 'x'), { code: 14 });
    plain.close();
    await node.stop();
  });

  it('with a client CA takes known certificates as identity, and refuses others', async () => {
    const extra = `client_ca = "${join(folder, 'clients.pem')}"\nrequire_client_certificate = true`;
    const node = await NodeProcess.start({ toml: toml(extra) });
    assert.equal(await publishAs(node, alice), 'message_meta');
    await assert.rejects(publishAs(node, undefined));
    await assert.rejects(publishAs(node, stranger));
    await node.stop();
  });

  it('does not start with a key that cannot be read', async () => {
    await assert.rejects(NodeProcess.start({ toml: toml().replace('key.pem', 'nothing.pem') }), /nothing\.pem/);
  });
});
