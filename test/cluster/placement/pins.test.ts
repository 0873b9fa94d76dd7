import assert from 'node:assert/strict';
import { Pins } from '../../../cluster/placement/pins.ts';

describe('Pins', () => {
  it('take a name before a beginning and a longer beginning before a shorter one', () => {
    const pins = new Pins([
      { queues: '*', node: 'rest' },
      { queues: 'audit.*', node: 'n1' },
      { queues: 'audit.eu.*', node: 'n2' },
      { queues: 'audit.eu.cards', node: 'n3' },
    ]);
    const table = [
      ['audit.eu.cards', 'n3'],
      ['audit.eu.cards2', 'n2'],
      ['audit.eu.', 'n2'],
      ['audit.eu', 'n1'],
      ['audit.', 'n1'],
      ['audit', 'rest'],
      ['', 'rest'],
      ['__proto__', 'rest'],
    ];
    for (const [queue, node] of table) assert.equal(pins.nodeOf(queue), node, queue);
  });

  it('say nothing about other queues', () => {
    const pins = new Pins([{ queues: 'mail', node: 'n1' }]);
    assert.equal(pins.nodeOf('mail.send'), undefined);
    assert.equal(pins.nodeOf('mai'), undefined);
    assert.equal(new Pins().nodeOf('mail'), undefined);
  });

  it('are the same in whatever order they are given', () => {
    const list = [
      { queues: 'a*', node: 'n1' },
      { queues: 'ab*', node: 'n2' },
      { queues: 'abc', node: 'n3' },
    ];
    for (const pins of [new Pins(list), new Pins(list.toReversed())]) {
      assert.deepEqual(
        ['a', 'ab', 'abc', 'abcd'].map((queue) => pins.nodeOf(queue)),
        ['n1', 'n2', 'n3', 'n2'],
      );
    }
  });

  it('refuse what is no pin, and two nodes for one', () => {
    const refused = [
      [{ queues: 'a*b', node: 'n1' }],
      [{ queues: '**', node: 'n1' }],
      [{ queues: '', node: 'n1' }],
      [{ queues: 'a', node: '' }],
      [
        { queues: 'a', node: 'n1' },
        { queues: 'a', node: 'n2' },
      ],
    ];
    for (const list of refused) assert.throws(() => new Pins(list), /Cannot pin/);
    assert.doesNotThrow(() => new Pins([refused[4][0], refused[4][0]]));
  });

  it('are bounded', () => {
    const list = Array.from({ length: 10_001 }, (_, index) => ({ queues: `q${index}`, node: 'n1' }));
    assert.throws(() => new Pins(list), /10000 pins already/);
  });
});
