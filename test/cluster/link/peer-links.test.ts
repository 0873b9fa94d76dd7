import assert from 'node:assert/strict';
import { CuttingProxy, LOOPBACK, linked, recordOf, TestNode, until } from './link-net.ts';

const KEY = 'a key of the tests, thirty-two b';

describe('links between two nodes', () => {
  const nodes: TestNode[] = [];
  const proxies: CuttingProxy[] = [];
  const node = (options: ConstructorParameters<typeof TestNode>[0]): TestNode => {
    const made = new TestNode(options);
    nodes.push(made);
    return made;
  };

  afterEach(async () => {
    for (const made of nodes.splice(0)) await made.links.close();
    for (const proxy of proxies.splice(0)) await proxy.close();
  });

  for (const sharedKey of [undefined, KEY]) {
    const title = sharedKey === undefined ? 'without a key' : 'with a key';

    it(`carries control messages and records both ways ${title}`, async () => {
      const auth = { sharedKey };
      const [a, b] = [node({ nodeId: 'a', auth }), node({ nodeId: 'b', auth })];
      await linked(a, b);
      assert.equal(a.links.sendControl('b', { kind: 'ping', list: [1, 'x', null] }), true);
      assert.equal(b.links.sendControl('a', { kind: 'pong' }), true);
      const record = recordOf(100);
      for (let index = 0; index < 5_000; index++) {
        assert.equal(a.links.post('b', 1, 2, index, 0, 0, 0, 0, record, 0), true);
        assert.equal(b.links.post('a', 6, 2, index, 0, 0, 0, 0, record, -1), true);
      }
      await until('everything', () => a.received.length >= 5_000 && b.received.length >= 5_000);
      const all = Array.from({ length: 5_000 }, (_, index) => index);
      assert.deepEqual(a.received, all);
      assert.deepEqual(b.received, all);
      assert.deepEqual(a.control, [{ from: 'b', message: { kind: 'pong' } }]);
      assert.deepEqual(b.control, [{ from: 'a', message: { kind: 'ping', list: [1, 'x', null] } }]);
      await until('acks', () => a.links.figures('b')?.heldBytes === 0);
    });

    it(`brings every batch once and in order through 12 cuts ${title}`, async () => {
      const auth = { sharedKey };
      const [a, b] = [node({ nodeId: 'a', auth }), node({ nodeId: 'b', auth })];
      const proxy = new CuttingProxy(() => b.port);
      proxies.push(proxy);
      await b.start();
      await linked(a, b, await proxy.start());
      const count = 8_000;
      const record = recordOf(700);
      let [fromA, fromB, nextCut] = [0, 0, 300_000];
      while (a.received.length < count || b.received.length < count) {
        for (let index = 0; index < 200 && fromA < count && a.links.hasRoom('b'); index++) {
          a.links.post('b', 1, 0, fromA++, 0, 0, 0, 0, record, 0);
        }
        for (let index = 0; index < 200 && fromB < count && b.links.hasRoom('a'); index++) {
          b.links.post('a', 1, 0, fromB++, 0, 0, 0, 0, record, 0);
        }
        await new Promise(setImmediate);
        if (proxy.bytes < nextCut || proxy.cuts >= 12) continue;
        nextCut = proxy.bytes + 300_000;
        proxy.cut();
      }
      await until('everything', () => a.received.length >= count && b.received.length >= count);
      const all = Array.from({ length: count }, (_, index) => index);
      assert.deepEqual(a.received, all);
      assert.deepEqual(b.received, all);
      assert.ok(proxy.cuts >= 10, `${proxy.cuts} cuts`);
      assert.deepEqual([a.lost, b.lost], [[], []]);
      const figures = a.links.figures('b');
      assert.ok(figures !== undefined && figures.resends > 0 && figures.connects > 4);
    }).timeout(30_000);
  }

  it('sends a record of 16 MiB in one piece', async () => {
    const [a, b] = [node({ nodeId: 'a' }), node({ nodeId: 'b' })];
    await linked(a, b);
    const record = recordOf(16 * 1024 * 1024);
    assert.equal(a.links.post('b', 1, 0, 7, 0, 0, 0, 0, record, 0), true);
    assert.equal(a.links.post('b', 1, 0, 8, 0, 0, 0, 0, recordOf(1), 0), true);
    await until('both', () => b.received.length === 2);
    assert.deepEqual(b.received, [7, 8]);
  });

  it('keeps little for a peer that does not take its batches, and goes on with the others', async () => {
    const [a, b, c] = [node({ nodeId: 'a' }), node({ nodeId: 'b' }), node({ nodeId: 'c' })];
    await linked(a, b);
    await c.start();
    a.links.addPeer('c', { host: LOOPBACK, port: c.port });
    await until('a link to c', () => a.links.figures('c')?.bulk === true);
    b.takes = false;
    const record = recordOf(1000);
    let posted = 0;
    while (a.links.post('b', 1, 0, posted, 0, 0, 0, 0, record, 0)) {
      posted++;
      if (posted % 1000 === 0) await new Promise(setImmediate);
    }
    assert.equal(a.links.hasRoom('b'), false);
    const figures = a.links.figures('b');
    assert.ok(figures !== undefined && figures.heldBytes < 33 * 1024 * 1024);
    await until('a full window', () => (b.links.figures('a')?.waitingBytes ?? 0) > 8 * 1024 * 1024);
    assert.ok((b.links.figures('a')?.waitingBytes ?? 0) < 9 * 1024 * 1024);
    a.links.post('c', 1, 0, 1, 0, 0, 0, 0, record, 0);
    a.links.sendControl('b', { still: 'there' });
    await until('the others', () => c.received.length === 1 && b.control.length === 1);
    b.takes = true;
    for (const batch of b.waiting.splice(0)) b.take(batch);
    await until('everything', () => b.received.length === posted);
    assert.deepEqual(
      b.received,
      Array.from({ length: posted }, (_, index) => index),
    );
    assert.ok(a.rooms >= 1);
  }).timeout(30_000);

  it('drops what was for a start of the peer that is gone, and says how much', async () => {
    const a = node({ nodeId: 'a' });
    const first = node({ nodeId: 'b', incarnation: 1 });
    const second = node({ nodeId: 'b', incarnation: 2 });
    await second.start();
    let target = first;
    const proxy = new CuttingProxy(() => target.port);
    proxies.push(proxy);
    await first.start();
    await linked(a, first, await proxy.start());
    target = second;
    await first.links.close();
    await until('a to hear of it', () => a.downs.length === 2);
    for (let index = 0; index < 10; index++) a.links.post('b', 1, 0, index, 0, 0, 0, 0, recordOf(8), 0);
    await until('the new start', () => a.ups.includes('b/2 bulk') && a.ups.includes('b/2 control'));
    assert.deepEqual(a.lost, ['b/1 10']);
    a.links.post('b', 1, 0, 99, 0, 0, 0, 0, recordOf(8), 0);
    await until('the new record', () => second.received.length > 0);
    assert.deepEqual(second.received, [99]);
  });

  it('starts a new stream after a peer was removed and comes back in the same start', async () => {
    const [a, b] = [node({ nodeId: 'a' }), node({ nodeId: 'b' })];
    await linked(a, b);
    a.links.post('b', 1, 0, 1, 0, 0, 0, 0, recordOf(8), 0);
    b.links.post('a', 1, 0, 1, 0, 0, 0, 0, recordOf(8), 0);
    await until('both', () => a.received.length === 1 && b.received.length === 1);
    await until('acks', () => b.links.figures('a')?.heldBytes === 0);
    a.links.removePeer('b');
    await until('b to hear of it', () => b.downs.length === 2);
    b.links.post('a', 1, 0, 2, 0, 0, 0, 0, recordOf(8), 0);
    a.links.addPeer('b', { host: LOOPBACK, port: b.port });
    a.links.post('b', 1, 0, 3, 0, 0, 0, 0, recordOf(8), 0);
    await until('the second', () => b.received.length === 2);
    assert.deepEqual(b.received, [1, 3]);
    // What b kept was for a stream of which a knows nothing any more: it is reported, not delivered out of place.
    await until('the report', () => b.lost.length === 1);
    b.links.post('a', 1, 0, 4, 0, 0, 0, 0, recordOf(8), 0);
    await until('the third', () => a.received.length === 2);
    assert.deepEqual(a.received, [1, 4]);
  });

  it('links through a seed of which only the address is known', async () => {
    const [a, b] = [node({ nodeId: 'a' }), node({ nodeId: 'b' })];
    await a.start();
    await b.start();
    b.links.connect({ host: LOOPBACK, port: a.port });
    await until('a control link', () => b.ups.includes('a/1 control') && a.ups.includes('b/1 control'));
    a.links.addPeer('b', { host: LOOPBACK, port: b.port });
    b.links.addPeer('a', { host: LOOPBACK, port: a.port });
    await until('a bulk link', () => b.ups.includes('a/1 bulk') && a.ups.includes('b/1 bulk'));
  });

  it('keeps one pair of links when both sides dial at once', async () => {
    const [a, b] = [node({ nodeId: 'a' }), node({ nodeId: 'b' })];
    await a.start();
    await b.start();
    for (let round = 0; round < 5; round++) {
      b.links.connect({ host: LOOPBACK, port: a.port });
      a.links.connect({ host: LOOPBACK, port: b.port });
    }
    a.links.addPeer('b', { host: LOOPBACK, port: b.port });
    b.links.addPeer('a', { host: LOOPBACK, port: a.port });
    await until('a round trip', () => [a, b].every((one) => one.links.peerIds.length === 1 && isUp(one)));
    a.links.sendControl('b', { kind: 'x' });
    await until('the message', () => b.control.length === 1);
  });
});

function isUp(node: TestNode): boolean {
  const figures = node.links.figures(node.links.peerIds[0]);
  return figures?.control === true && figures.bulk && figures.roundTripMs !== undefined;
}
