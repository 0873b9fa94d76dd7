import assert from 'node:assert/strict';
import { ConsulClient } from '../../../cluster/discovery/consul-client.ts';
import { FakeConsul } from './fake-consul.ts';

const TOKEN = 'b1gs33cr3t';

describe('ConsulClient', () => {
  let consul: FakeConsul;
  before(async () => {
    consul = await FakeConsul.start();
  });
  after(() => consul.stop());

  it('sends its token as a header, and repeats it in no error', async () => {
    consul.token = 'another';
    const client = new ConsulClient({ address: consul.address, token: TOKEN });
    await assert.rejects(client.request({ method: 'GET', path: '/v1/health/service/x' }), (error: Error) => {
      assert.match(
        error.message,
        /^Cannot ask Consul at http:\/\/127\.0\.0\.1:\d+: received 403 ACL not found: \*\*\*$/,
      );
      assert.ok(!JSON.stringify([error, error.stack, error.cause]).includes(TOKEN));
      return true;
    });
    assert.equal(consul.requests.at(-1)?.token, TOKEN);
    consul.token = undefined;
    await new ConsulClient({ address: consul.address }).request({ method: 'GET', path: '/v1/health/service/x' });
    assert.equal(consul.requests.at(-1)?.token, undefined);
  });

  it('refuses a token that no header may have, and addresses that are none, without repeating them', () => {
    for (const token of [`${TOKEN}\n`, `${TOKEN} x`, '', `${TOKEN}ü`]) {
      assert.throws(
        () => new ConsulClient({ address: 'localhost:8500', token }),
        (error: Error) => /token for Consul/.test(error.message) && !error.message.includes(TOKEN),
      );
    }
    for (const address of ['', 'ftp://x', 'http://', `http://u:${TOKEN}@x`, `http://x/?token=${TOKEN}`, 'a b']) {
      assert.throws(
        () => new ConsulClient({ address }),
        (error: Error) => /address of Consul/.test(error.message) && !error.message.includes(TOKEN),
      );
    }
    assert.doesNotThrow(() => new ConsulClient({ address: 'localhost:8500' }));
  });

  it('does not follow a redirect, which would take the token along', async () => {
    const other = await FakeConsul.start();
    consul.answer = () => ({ status: 307, body: '', headers: { location: `${other.address}/v1/x` } });
    const client = new ConsulClient({ address: consul.address, token: TOKEN });
    await assert.rejects(client.request({ method: 'GET', path: '/v1/x' }), /Cannot ask Consul/);
    assert.deepEqual(other.requests, []);
    consul.answer = () => undefined;
    await other.stop();
  });

  it('reads no more than an answer may have', async () => {
    consul.answer = () => ({ status: 200, body: `[${' '.repeat(17 * 2 ** 20)}]` });
    const client = new ConsulClient({ address: consul.address });
    await assert.rejects(client.request({ method: 'GET', path: '/v1/x' }), /more bytes than an answer may have/);
    consul.answer = () => undefined;
  });

  it('names why nobody answers, cuts long reasons and gives up in time', async () => {
    const gone = await FakeConsul.start();
    const { address } = gone;
    await gone.stop();
    await assert.rejects(new ConsulClient({ address }).request({ method: 'GET', path: '/' }), /ECONNREFUSED/);
    consul.answer = () => ({ status: 500, body: `rpc\u0000\n${'x'.repeat(5_000)}` });
    const client = new ConsulClient({ address: `${consul.address}/` });
    await assert.rejects(client.request({ method: 'GET', path: '/v1/x' }), (error: Error) => {
      return /received 500 rpc x+$/.test(error.message) && error.message.length < 300;
    });
    consul.answer = () => undefined;
    const path = `/v1/health/service/x?index=${consul.index}`;
    await assert.rejects(client.request({ method: 'GET', path, timeoutMs: 50 }), /timeout/);
  });
});
