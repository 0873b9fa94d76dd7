import assert from 'node:assert/strict';
import net from 'node:net';
import { generate } from 'selfsigned';
import { LINK_LIMITS } from '../../../cluster/limits.ts';
import { isLoopback, type LinkAuth, requireAuth } from '../../../cluster/link/auth.ts';
import { packControl } from '../../../cluster/link/control-codec.ts';
import { allocateFrame, FRAME_HEAD_BYTES, FrameType } from '../../../cluster/link/frame.ts';
import { isLinked, LOOPBACK, linked, recordOf, TestNode, until } from './link-net.ts';

const KEY = 'a key of the tests, thirty-two b';

describe('opening a link', () => {
  const nodes: TestNode[] = [];
  const node = (options: ConstructorParameters<typeof TestNode>[0]): TestNode => {
    const made = new TestNode(options);
    nodes.push(made);
    return made;
  };

  afterEach(async () => {
    for (const made of nodes.splice(0)) await made.links.close();
  });

  const refusals: readonly [string, LinkAuth, LinkAuth, string, string][] = [
    ['another key', { sharedKey: KEY }, { sharedKey: `${KEY}!` }, 'test', 'wrong-key'],
    ['no key where the other has one', {}, { sharedKey: KEY }, 'test', 'auth-mismatch'],
    ['a key where the other has none', { sharedKey: KEY }, {}, 'test', 'auth-mismatch'],
    ['another cluster', {}, {}, 'other', 'wrong-cluster'],
  ];
  for (const [what, ofA, ofB, cluster, code] of refusals) {
    it(`is refused to a node with ${what}, which is told why`, async () => {
      const [a, b] = [node({ nodeId: 'a', auth: ofA }), node({ nodeId: 'b', auth: ofB, cluster })];
      await a.start();
      await b.start();
      a.links.addPeer('b', { host: LOOPBACK, port: b.port });
      await until('refusals on both sides', () => a.refused.length > 0 && b.refused.length > 0);
      assert.match(b.refused[0], new RegExp(`^${code}: `));
      assert.match(a.refused[0], new RegExp(`^refused: ${code}: `));
      assert.deepEqual([a.ups, b.ups], [[], []]);
      assert.ok((b.links.refusals.get(code as 'wrong-key') ?? 0) > 0);
      assert.ok(![...a.refused, ...b.refused].some((line) => line.includes(KEY)));
    });
  }

  it('is refused to itself, and to another node than the one expected', async () => {
    const [a, b] = [node({ nodeId: 'a' }), node({ nodeId: 'b' })];
    await a.start();
    await b.start();
    a.links.connect({ host: LOOPBACK, port: a.port });
    a.links.addPeer('c', { host: LOOPBACK, port: b.port });
    await until('both', () => ['self', 'wrong-node'].every((code) => a.refused.some((line) => line.startsWith(code))));
    assert.deepEqual(a.ups, []);
  });

  it('leaves a working pair alone while others knock with anything', async () => {
    const auth = { sharedKey: KEY };
    const [a, b] = [node({ nodeId: 'a', auth }), node({ nodeId: 'b', auth })];
    await linked(a, b);
    const huge = allocateFrame(FrameType.handshake, 8, 0);
    huge.writeUInt32LE(LINK_LIMITS.handshakeBytesMax + 1, 0);
    const control = allocateFrame(FrameType.control, 1, 0);
    const empty = packControl({ kind: 'hello' });
    const hello = allocateFrame(FrameType.handshake, empty.length, 0);
    hello.set(empty, FRAME_HEAD_BYTES);
    for (const bytes of [huge, control, hello, Buffer.alloc(500, 0xff), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
      await knock(b.port, bytes);
    }
    assert.equal(b.refused.length, 5);
    assert.ok(
      b.refused.every((line) => /^bad-(frame|hello): /.test(line)),
      b.refused.join('\n'),
    );
    a.links.post('b', 1, 0, 5, 0, 0, 0, 0, recordOf(8), 0);
    await until('the record', () => b.received.length === 1);
    assert.deepEqual([a.downs, b.downs], [[], []]);
  });

  it('is bounded in how many may try at once', async () => {
    const b = node({ nodeId: 'b' });
    await b.start();
    const sockets: net.Socket[] = [];
    for (let index = 0; index < LINK_LIMITS.unauthenticatedMax + 5; index++) {
      const socket = net.connect(b.port, LOOPBACK);
      socket.on('error', () => undefined);
      sockets.push(socket);
    }
    await until('the refusals', () => (b.links.refusals.get('busy') ?? 0) >= 5);
    for (const socket of sockets) socket.destroy();
  });

  it('works over mutual TLS, and is refused without a certificate', async () => {
    const pair = await generate([{ name: 'commonName', value: 'ringmq test' }], { keySize: 2048 });
    const auth = { tls: { cert: pair.cert, key: pair.private, ca: pair.cert } };
    const [a, b] = [node({ nodeId: 'a', auth }), node({ nodeId: 'b', auth })];
    await linked(a, b);
    for (let index = 0; index < 2_000; index++) a.links.post('b', 1, 0, index, 0, 0, 0, 0, recordOf(500), 0);
    await until('all records', () => b.received.length === 2_000);
    const c = node({ nodeId: 'c' });
    await c.start();
    c.links.addPeer('b', { host: LOOPBACK, port: b.port });
    await until('the refusal', () => b.refused.some((line) => line.startsWith('wrong-key: TLS')));
    assert.equal(isLinked(c, 'b'), false);
  });
});

describe('authentication off loopback', () => {
  it('is required', () => {
    for (const host of ['127.0.0.1', '::1', '[::1]', 'localhost', '127.9.9.9']) assert.equal(isLoopback(host), true);
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'node-1', '127.0.0.1.example.org']) {
      assert.throws(() => requireAuth(host, {}), /Cannot link nodes over .* set a shared key or mutual TLS/);
      requireAuth(host, { sharedKey: KEY });
    }
    assert.throws(() => requireAuth(LOOPBACK, { sharedKey: 'short' }), /received 5 bytes, it needs 16/);
  });
});

/** Sends the bytes and waits until the other end closes. */
async function knock(port: number, bytes: Buffer): Promise<void> {
  const socket = net.connect(port, LOOPBACK);
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
}
