import assert from 'node:assert/strict';
import { Ring, ringDigest, ringParametersHash } from '../../../cluster/placement/ring.ts';
import { SimRandom } from '../../../cluster/sim/random.ts';

const QUEUES = Array.from({ length: 3_000 }, (_, index) => `orders.${index}`);

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `ringmq-${index}`);
}

function ownersOf(ring: Ring): (string | undefined)[] {
  return QUEUES.map((queue) => ring.nodeOf(queue));
}

describe('Ring', () => {
  it('moves queues to the new node alone, and a fair share of them, at every count from 1 to 100', function () {
    this.timeout(60_000);
    let before = ownersOf(new Ring(names(1)));
    for (let count = 1; count <= 100; count++) {
      const added = `ringmq-${count}`;
      const after = ownersOf(new Ring(names(count + 1)));
      let moved = 0;
      for (let index = 0; index < QUEUES.length; index++) {
        if (after[index] === before[index]) continue;
        moved++;
        assert.equal(after[index], added, `${QUEUES[index]} moved between old nodes at ${count} -> ${count + 1}`);
      }
      const share = QUEUES.length / (count + 1);
      // The ring's own spread (about 8 % at 164 points) and that of so many queues, four times each.
      const tolerance = share * 0.32 + 4 * Math.sqrt(share);
      assert.ok(Math.abs(moved - share) <= tolerance, `${moved} moved at ${count + 1}, fair are ${share.toFixed(1)}`);
      before = after;
    }
  });

  it('moves only the queues of a node that goes, whichever it is', () => {
    for (const count of [2, 3, 7, 14, 28, 49]) {
      const nodes = names(count);
      const before = ownersOf(new Ring(nodes));
      for (const gone of [nodes[0], nodes[count >> 1], nodes[count - 1]]) {
        const after = ownersOf(new Ring(nodes.filter((node) => node !== gone)));
        for (const [index, owner] of before.entries()) {
          if (owner !== gone) assert.equal(after[index], owner);
          else assert.notEqual(after[index], gone);
        }
      }
    }
  });

  it('spreads queues evenly: the fullest node has little more than the mean', () => {
    const bounds = [
      { count: 3, most: 1.15 },
      { count: 10, most: 1.3 },

      { count: 100, most: 1.5 },
    ];
    for (const { count, most } of bounds) {
      const ring = new Ring(names(count));
      const counts = new Map<string | undefined, number>();
      const queues = count * 1_000;
      for (let index = 0; index < queues; index++) {
        const node = ring.nodeOf(`q${index}`);
        counts.set(node, (counts.get(node) ?? 0) + 1);
      }
      assert.equal(counts.size, count);
      const spread = Math.max(...counts.values()) / (queues / count);
      assert.ok(spread < most, `max/mean ${spread.toFixed(3)} at ${count} nodes`);
    }
  });

  it('gives the same answers in whatever order nodes are learned, and however often', () => {
    const random = new SimRandom(11);
    const nodes = [...names(12), '1', '10', '2', '__proto__', 'constructor', 'host:4848', 'ü'];
    const expected = ownersOf(new Ring(nodes));
    for (let round = 0; round < 5; round++) {
      const shuffled = nodes.map((node) => ({ node, at: random.next() })).sort((one, other) => one.at - other.at);
      const learned = [...shuffled.map(({ node }) => node), nodes[round]];
      assert.deepEqual(ownersOf(new Ring(learned)), expected);
    }
    assert.ok(expected.includes('__proto__') && expected.includes('1'));
  });

  it('takes any name of a queue for a name', () => {
    const [ring, same] = [new Ring(names(5)), new Ring(names(5))];
    for (const queue of ['__proto__', 'constructor', 'toString', '', '7', 'ring\u0000mq', '💍']) {
      const node = ring.nodeOf(queue);
      assert.ok(node?.startsWith('ringmq-'), queue);
      assert.equal(same.nodeOf(queue), node);
    }
    assert.equal(Object.hasOwn(Object.prototype, 'next'), false);
  });

  it('gives a place that two nodes hash to to the one that sorts first, and moves no more for it', () => {
    // The points of "a" and "b" are all in the same places.
    const digest = (text: string): Buffer => ringDigest(text.replace(/^node-[ab]-/, 'node-both-'));
    const ordered = new Ring(['a', 'b', 'c'], digest);
    const owners = ownersOf(ordered);
    assert.deepEqual([...new Set(owners)].sort(), ['a', 'c']);
    assert.deepEqual(ownersOf(new Ring(['c', 'b', 'a'], digest)), owners);
    const after = ownersOf(new Ring(['b', 'c'], digest));
    for (const [index, owner] of owners.entries()) assert.equal(after[index], owner === 'a' ? 'b' : 'c');
  });

  it('keeps its answers bounded, and the same', () => {
    const ring = new Ring(names(3));
    const first = ring.nodeOf('first');
    for (let index = 0; index < 100_100; index++) ring.nodeOf(`q${index}`);
    assert.equal(ring.nodeOf('first'), first);
  });

  it('has no answer without nodes, and one answer with one', () => {
    assert.equal(new Ring([]).nodeOf('a'), undefined);
    assert.equal(new Ring(['only']).nodeOf('a'), 'only');
  });

  it('places queues as it always did', () => {
    // Written down once: another answer would move queues, and split clusters, on an upgrade.
    assert.equal(ringParametersHash(), 'ring1-0278e0f26e73f93d');
    assert.deepEqual(
      ['a', 'b', 'mail', 'mail.send', '0'].map((queue) => new Ring(names(5)).nodeOf(queue)),
      ['ringmq-3', 'ringmq-4', 'ringmq-0', 'ringmq-3', 'ringmq-0'],
    );
  });
});
