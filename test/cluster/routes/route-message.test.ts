import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RouteError } from '../../../cluster/routes/route-error.ts';
import { readRouteMessage } from '../../../cluster/routes/route-message.ts';
import { Routes } from '../../../cluster/routes/routes.ts';

const FRAME = { t: 'route', o: 'a', i: 1, s: 1, ops: ['i\0x', [1, 0, 1]] };
const SNAP = { t: 'route-snap', i: 1, s: 1, id: 1, n: 0, ops: [] };
const FIX = { t: 'route-fix', i: 1, s: 1, buckets: [1], n: 0, last: true, ops: [] };
const withOps = (ops: unknown): object => ({ ...FRAME, ops });

/** A message and what its error says. */
const HOSTILE: readonly [string, object, RegExp][] = [
  ['no type', {}, /type undefined is none/],
  ['a type of another part', { t: 'swim' }, /type swim/],
  ['no number', { ...FRAME, s: undefined }, /number is no count/],
  ['a number that is negative', { ...FRAME, s: -1 }, /number is no count/],
  ['a number that is not exact', { ...FRAME, s: 2 ** 53 }, /number is no count/],
  ['no incarnation', { ...FRAME, i: '1' }, /incarnation is no count/],
  ['an origin without a name', { ...FRAME, o: '' }, /no name/],
  ['an origin with an endless name', { ...FRAME, o: 'n'.repeat(256) }, /no name/],
  ['no ops', withOps(undefined), /no list/],
  ['half an op', withOps(['i\0x']), /no list of keys and values/],
  ['too many ops', withOps(Array.from({ length: 2_002 }, () => 'k')), /1001 ops/],
  ['a key that is no text', withOps([1, 1]), /key is no text/],
  ['an empty key', withOps(['', 1]), /0 bytes/],
  ['a key that is too long', withOps([`i\0${'x'.repeat(4_096)}`, [1, 0, 1]]), /4098 bytes/],
  ['a value that is too long', withOps(['z', 'x'.repeat(600_000)]), /600005 bytes/],
  ['a value that is too deep', withOps(['z', [[[[[1]]]]]]), /nested deeper/],
  ['a value that is a map', withOps(['z', { a: 1 }]), /a value is object/],
  ['a value that is no number', withOps(['z', Number.NaN]), /a number is NaN/],
  ['interest without a space', withOps(['ix', [1, 0, 1]]), /no space/],
  ['interest that is none', withOps(['i\0x', 1]), /three or four numbers/],
  ['interest with a fraction', withOps(['i\0x', [1, 0.5, 1]]), /three or four numbers/],
  ['a queue that is none', withOps(['qx', [1]]), /list of six/],
  ['a queue with half an option', withOps(['qx', [1, 1, 1, 1, [], ['a']]]), /no pairs/],
  ['a queue with a list as option', withOps(['qx', [1, 1, 1, 1, [], ['a', []]]]), /option of a queue/],
  ['a queue with a topic that is none', withOps(['qx', [1, 1, 1, 1, [1], []]]), /topics/],
  ['a queue with a negative epoch', withOps(['qx', [1, 1, -1, 1, [], []]]), /epoch/],
  ['a block that does not exist', withOps(['b32768', new Uint8Array(64)]), /no block/],
  ['a block with another name', withOps(['b01', new Uint8Array(64)]), /no block/],
  ['a block of another size', withOps(['b1', new Uint8Array(63)]), /64 bytes/],
  ['a snapshot without a chunk number', { ...SNAP, n: undefined }, /n is no count/],
  ['a snapshot with a digest that is none', { ...SNAP, root: [1] }, /digest/],
  ['a repair of a bucket that does not exist', { ...FIX, buckets: [256] }, /buckets/],
  ['a repair that does not say whether it ends', { ...FIX, last: 1 }, /flag/],
  ['sums of another size', { t: 'route-sums', i: 1, s: 1, sums: new Uint8Array(1) }, /sums/],
];

describe('messages of routes', () => {
  for (const [what, message, says] of HOSTILE) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => readRouteMessage({ ...message }),
        (error) => error instanceof RouteError && says.test(error.message),
      );
    });
  }

  it('refuses a frame that is not of its sender, and applies nothing of a bad one', () => {
    const port = { send: () => {}, barrierDone: () => {} };
    const routes = new Routes({ self: 'me', incarnation: 1, port, random: () => 0 });
    routes.peerUp('a', 0);
    assert.throws(() => routes.receive('a', { ...FRAME, o: 'b' }, 0), /a sent a frame of b/);
    const ops = [...FRAME.ops, 'qx', 1];
    assert.throws(() => routes.receive('a', { ...FRAME, ops }, 0), RouteError);
    assert.equal(routes.match('', 'x').length, 0);
    routes.receive('a', FRAME, 0);
    assert.equal(routes.match('', 'x').length, 1);
  });

  it('whatever a peer sends is either taken or refused with a RouteError', () => {
    const types = ['route', 'route-head', 'route-snap', 'route-fix', 'route-more', 'route-sums', 'route-check'];
    const port = { send: () => {}, barrierDone: () => {} };
    const number = fc.oneof(fc.nat(3), fc.anything());
    const message = fc.record({
      t: fc.constantFrom(...types, 'route-pull', 'route-ask', 'route-ack'),
      o: fc.constant('a'),
      i: number,
      s: number,
      id: number,
      n: number,
      more: fc.boolean(),
      last: fc.boolean(),
      root: fc.oneof(fc.tuple(fc.nat(), fc.nat()), fc.anything()),
      buckets: fc.oneof(fc.array(fc.nat(300)), fc.anything()),
      sums: fc.oneof(fc.constant(new Uint8Array(2_048)), fc.anything()),
      ops: fc.oneof(fc.constant(FRAME.ops), fc.array(fc.anything()), fc.anything()),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
        const routes = new Routes({ self: 'me', incarnation: 1, port, random: () => 0 });
        routes.peerUp('a', 0);
        for (const sent of messages) {
          try {
            routes.receive('a', sent, 0);
          } catch (error) {
            assert.ok(error instanceof RouteError, String(error));
          }
        }
        routes.tick(1_000);
      }),
      { numRuns: 500 },
    );
  });
});
