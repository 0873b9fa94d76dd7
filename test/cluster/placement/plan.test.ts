import assert from 'node:assert/strict';
import { Pins } from '../../../cluster/placement/pins.ts';
import { Placement, type PlacementMember } from '../../../cluster/placement/placement.ts';
import { plan, type QueueLoad } from '../../../cluster/placement/plan.ts';

const QUEUES: QueueLoad[] = Array.from({ length: 600 }, (_, index) => ({
  name: `q${index}`,
  messages: index,
  bytes: index * 100,
}));

function up(...ids: string[]): PlacementMember[] {
  return ids.map((id) => ({ id, state: 'up' }));
}

describe('plan()', () => {
  it('moves nothing when nothing changes', () => {
    const view = { members: up('a', 'b', 'c') };
    const { moves, totals, nodes, homeless } = plan(view, { members: up('c', 'a', 'b') }, QUEUES);
    assert.deepEqual(
      { moves, totals, nodes, homeless },
      {
        moves: [],
        totals: { queues: 0, messages: 0, bytes: 0 },
        nodes: [],
        homeless: [],
      },
    );
  });

  it('moves to a new node alone, with what each queue holds', () => {
    const { moves, totals, nodes } = plan({ members: up('a', 'b') }, { members: up('a', 'b', 'c') }, QUEUES);
    assert.ok(moves.length > 100 && moves.length < 300, `${moves.length} moves`);
    const loads = new Map(QUEUES.map((queue) => [queue.name, queue]));
    for (const { queue, from, to, messages, bytes } of moves) {
      assert.ok(to === 'c' && (from === 'a' || from === 'b'));
      assert.deepEqual({ name: queue, messages, bytes }, loads.get(queue));
    }
    assert.equal(totals.queues, moves.length);
    assert.equal(
      totals.messages,
      moves.reduce((sum, { messages }) => sum + messages, 0),
    );
    assert.equal(totals.bytes, totals.messages * 100);
    assert.deepEqual(
      nodes.map(({ node }) => node),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(nodes[2].takes, totals);
    assert.equal(nodes[0].gives.queues + nodes[1].gives.queues, totals.queues);
    assert.equal(nodes[2].gives.queues, 0);
  });

  it('empties a node that leaves, and gives nothing to one that does', () => {
    const after: PlacementMember[] = [...up('a', 'b'), { id: 'c', state: 'leaving' }];
    const { moves } = plan({ members: up('a', 'b', 'c') }, { members: after }, QUEUES);
    const placement = new Placement();
    placement.setMembers(up('a', 'b', 'c'));
    const held = QUEUES.filter(({ name }) => placement.nodeOf(name) === 'c');
    assert.deepEqual(
      moves.map(({ queue }) => queue),
      held.map(({ name }) => name).sort(),
    );
    assert.ok(moves.every(({ from, to }) => from === 'c' && to !== 'c'));
  });

  it('goes by where a queue is when that is known', () => {
    const view = { members: up('a', 'b') };
    const placement = new Placement();
    placement.setMembers(view.members);
    const home = placement.nodeOf('mail') ?? '';
    const strayed = { name: 'mail', messages: 3, bytes: 30, node: home === 'a' ? 'b' : 'a' };
    assert.deepEqual(plan(view, view, [strayed]).moves, [
      { queue: 'mail', from: strayed.node, to: home, messages: 3, bytes: 30 },
    ]);
  });

  it('shows what pins move', () => {
    const members = up('a', 'b', 'c');
    const pins = new Pins([{ queues: 'q1*', node: 'b' }]);
    const { moves } = plan({ members }, { members, pins }, QUEUES);
    assert.ok(moves.length > 0 && moves.every(({ queue, to }) => queue.startsWith('q1') && to === 'b'));
    assert.deepEqual(plan({ members, pins }, { members, pins }, QUEUES).moves, []);
  });

  it('names the queues that would have no node, and those that have none yet', () => {
    const queues = QUEUES.slice(0, 3);
    assert.deepEqual(plan({ members: up('a') }, { members: [] }, queues).homeless, ['q0', 'q1', 'q2']);
    const { moves, nodes } = plan({ members: [] }, { members: up('a') }, queues);
    assert.deepEqual(
      moves.map(({ from, to }) => [from, to]),
      queues.map(() => [undefined, 'a']),
    );
    assert.deepEqual(
      nodes.map(({ node }) => node),
      ['a'],
    );
  });
});
