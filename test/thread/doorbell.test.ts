import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { native } from '../../native/index.ts';
import { Doorbell, doorbellBytes, OwnDoorbell } from '../../src/thread/doorbell.ts';
import { until } from '../e2e/support/until.ts';

type Form = { readonly native: typeof native };

/** The owner's and a ringer's end, of thread 1 of 2, and how often the owner was woken. */
function bell(form: Form): { own: OwnDoorbell; ringer: Doorbell; woken: () => number } {
  const memory = new SharedArrayBuffer(doorbellBytes(2));
  let count = 0;
  const onRing = (): void => {
    count++;
  };
  return {
    own: new OwnDoorbell(memory, { thread: 1, onRing, ...form }),
    ringer: new Doorbell(memory, { thread: 1, ...form }),
    woken: () => count,
  };
}

/** Long enough for a wake-up that must not come: several turns of the loop, after one that does come. */
async function settle(): Promise<void> {
  const other = bell({ native });
  other.own.park();
  other.own.wait();
  other.ringer.ring();
  await until(() => other.woken() === 1);
  other.own.close();
  for (let count = 0; count < 5; count++) await turn();
}

const forms: [string, Form][] = [['TypeScript', { native: undefined }]];
if (native !== undefined) forms.push(['native', { native }]);

for (const [name, form] of forms) {
  describe(`Doorbell, ${name} form`, () => {
    it('costs nothing and wakes nobody while its owner is awake', async () => {
      const { own, ringer, woken } = bell(form);
      assert.equal(ringer.ring(), false);
      await settle();
      assert.equal(woken(), 0);
      own.close();
    });

    it('wakes a waiting owner once, however many ring', async () => {
      const { own, ringer, woken } = bell(form);
      own.park();
      assert.equal(own.wait(), true);
      assert.deepEqual([ringer.ring(), ringer.ring(), ringer.ring()], [true, false, false]);
      await until(() => woken() === 1);
      await settle();
      assert.equal(woken(), 1);
      own.close();
    });

    it('loses no ring between park() and wait()', async () => {
      const { own, ringer, woken } = bell(form);
      own.park();
      assert.equal(ringer.ring(), true);
      // Either the owner is told not to wait, or it is woken.
      if (own.wait()) await until(() => woken() === 1);
      own.close();
    });

    it('wakes nobody by a ring that comes after unpark()', async () => {
      const { own, ringer, woken } = bell(form);
      own.park();
      ringer.ring();
      own.unpark();
      await settle();
      assert.equal(woken(), 0);
      own.park();
      own.unpark();
      assert.equal(ringer.ring(), false);
      own.park();
      assert.equal(own.wait(), true);
      ringer.ring();
      await until(() => woken() === 1);
      own.close();
    });

    it('may be rung after it was closed, to no effect', async () => {
      const { own, ringer, woken } = bell(form);
      own.park();
      own.close();
      ringer.ring();
      await settle();
      assert.equal(woken(), 0);
    });

    it('comes and goes any number of times', () => {
      for (let count = 0; count < 3000; count++) bell(form).own.close();
    });
  });
}

describe('Doorbell', () => {
  it('fails when it should ring a native doorbell without the helper, and lets nobody sleep for ever', function () {
    if (native === undefined) return this.skip();
    const memory = new SharedArrayBuffer(doorbellBytes(1));
    const own = new OwnDoorbell(memory, { thread: 0, native, onRing: () => {} });
    own.park();
    assert.throws(() => new Doorbell(memory, { thread: 0, native: undefined }).ring(), /has loaded the native helper/);
    own.close();
  });
});
