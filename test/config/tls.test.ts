import assert from 'node:assert/strict';
import { generate } from 'selfsigned';
import { nodeSettings } from '../../src/node-settings.ts';
import { type Given, load, problemsOf } from './support.ts';

const TOML = '[tls]\ncert = "cert.pem"\nkey = "key.pem"\n';
const MUTUAL = `${TOML}client_ca = "cert.pem"\nrequire_client_certificate = true\n`;

describe('[tls]', () => {
  let files: Record<string, string>;
  let given: Given;
  before(async () => {
    const [one, other] = await Promise.all([generate([{ name: 'commonName', value: 'a' }]), generate()]);
    files = { 'cert.pem': one.cert, 'key.pem': one.private, 'other.pem': other.private, 'text.pem': 'hello' };
    given = { files };
  });

  it('gives the threads certificate and key', () => {
    const { shard } = nodeSettings(load(TOML, given).config, '1');
    assert.deepEqual(shard.tls, { cert: files['cert.pem'], key: files['key.pem'], requireClientCertificate: false });
    assert.equal(shard.auth.required, false);
  });

  it('comes from the environment and from flags, too', () => {
    const { config } = load('', { ...given, env: { RINGMQ_TLS_CERT: 'cert.pem' }, flags: { tlsKey: 'key.pem' } });
    assert.equal(config.options['tls.cert']?.path, 'cert.pem');
    assert.equal(config.options['tls.key']?.text.reveal(), files['key.pem']);
  });

  it('with a required client certificate is authentication for gRPC, but not for the admin port', () => {
    const addresses = '[node]\ngrpc_address = "0.0.0.0:1"\nadmin_address = "0.0.0.0:2"\n';
    const { grpc, admin, shard, adminOptions } = nodeSettings(load(addresses + MUTUAL, given).config, '1');
    assert.deepEqual([grpc.host, admin.host], ['0.0.0.0', '127.0.0.1']);
    assert.equal(shard.auth.required, true);
    assert.equal(shard.auth.certificates, true);
    assert.equal(shard.tls?.ca, files['cert.pem']);
    assert.equal(adminOptions.authorize, undefined);
  });

  it('shows its key to nobody', () => {
    assert.ok(!JSON.stringify(load(TOML, given).config).includes('PRIVATE KEY'));
  });

  const bad: readonly (readonly [string, RegExp])[] = [
    ['[tls]\ncert = "cert.pem"\n', /it needs both cert and key/],
    ['[tls]\nkey = "key.pem"\n', /it needs both cert and key/],
    ['[tls]\nclient_ca = "cert.pem"\n', /tls\.client_ca: it needs tls\.cert and tls\.key/],
    ['[tls]\ncert = "cert.pem"\nkey = "other.pem"\n', /cert "cert\.pem" with key "other\.pem": \w+/],
    ['[tls]\ncert = "text.pem"\nkey = "key.pem"\n', /"text\.pem" is no PEM file/],
  ];
  for (const [toml, said] of bad) {
    it(`says what is wrong with ${toml.trim().replaceAll('\n', ' ')}`, () => {
      assert.match(problemsOf(toml, given).join('\n'), said);
    });
  }
});
