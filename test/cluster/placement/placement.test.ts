import assert from 'node:assert/strict';
import { Pins } from '../../../cluster/placement/pins.ts';
import { Placement, type PlacementMember } from '../../../cluster/placement/placement.ts';

const QUEUES = Array.from({ length: 500 }, (_, index) => `q${index}`);

function up(...ids: string[]): PlacementMember[] {
  return ids.map((id) => ({ id, state: 'up' }));
}

describe('Placement', () => {
  it('places queues on members that are up alone', () => {
    const placement = new Placement();
    const states = ['joining', 'leaving', 'left', 'suspect', 'dead'] as const;
    placement.setMembers([...up('a', 'b'), ...states.map((state) => ({ id: state, state }))]);
    assert.deepEqual(placement.nodes, ['a', 'b']);
    const used = new Set(QUEUES.map((queue) => placement.nodeOf(queue)));
    assert.deepEqual([...used].sort(), ['a', 'b']);
  });

  it('says whether a change of members changes anything', () => {
    const placement = new Placement();
    assert.equal(placement.setMembers([]), false);
    assert.equal(placement.setMembers(up('a', 'b')), true);
    assert.equal(placement.setMembers(up('b', 'a')), false);
    assert.equal(placement.setMembers([...up('a', 'b'), { id: 'c', state: 'joining' }]), false);
    assert.equal(placement.setMembers(up('a', 'c')), true);
    assert.equal(placement.setMembers([...up('a'), { id: 'c', state: 'leaving' }]), true);
  });

  it('has no answer while nobody is up', () => {
    const placement = new Placement();
    assert.equal(placement.nodeOf('a'), undefined);
    placement.setMembers(up('a'));
    assert.equal(placement.nodeOf('a'), 'a');
    placement.setMembers([{ id: 'a', state: 'dead' }]);
    assert.equal(placement.nodeOf('a'), undefined);
  });

  it('follows a pin while its node is up, and the ring while it is not', () => {
    const placement = new Placement();
    placement.setMembers(up('a', 'b', 'c'));
    const queue = QUEUES.find((name) => placement.nodeOf(name) !== 'c') ?? '';
    const byRing = placement.nodeOf(queue);
    placement.setPins(new Pins([{ queues: queue, node: 'c' }]));
    assert.equal(placement.nodeOf(queue), 'c');
    placement.setMembers([...up('a', 'b'), { id: 'c', state: 'leaving' }]);
    assert.equal(placement.nodeOf(queue), byRing);
    placement.setMembers(up('a', 'b', 'c'));
    assert.equal(placement.nodeOf(queue), 'c');
  });
});
