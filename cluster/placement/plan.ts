// What a change of members or pins would move, without doing it: for `ringmq cluster plan`, and for whoever then moves.
// Pure: what there is goes in, the list of moves comes out, sorted, so that two nodes with the same view agree on it.
import type { Pins } from './pins.ts';
import { Placement, type PlacementMember } from './placement.ts';
import type { NodeId } from './ring.ts';

export interface QueueLoad {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  /** Where it is. Without it: where the members before would have placed it. */
  readonly node?: NodeId | undefined;
}

export interface ClusterView {
  readonly members: Iterable<PlacementMember>;
  readonly pins?: Pins | undefined;
}

export interface QueueMove {
  readonly queue: string;
  /** Undefined: nowhere yet. */
  readonly from: NodeId | undefined;
  readonly to: NodeId;
  readonly messages: number;
  readonly bytes: number;
}

export interface MoveTotals {
  queues: number;
  messages: number;
  bytes: number;
}

export interface NodeChange {
  readonly node: NodeId;
  readonly gives: Readonly<MoveTotals>;
  readonly takes: Readonly<MoveTotals>;
}

export interface MovePlan {
  /** By name of queue. */
  readonly moves: readonly QueueMove[];
  readonly totals: Readonly<MoveTotals>;
  /** The nodes that give or take something, by name. */
  readonly nodes: readonly NodeChange[];
  /** Queues that would have no node, as none takes queues. */
  readonly homeless: readonly string[];
}

export function plan(before: ClusterView, after: ClusterView, queues: Iterable<QueueLoad>): MovePlan {
  const [old, wanted] = [placementOf(before), placementOf(after)];
  const moves: QueueMove[] = [];
  const homeless: string[] = [];
  for (const { name, messages, bytes, node } of queues) {
    const from = node ?? old.nodeOf(name);
    const to = wanted.nodeOf(name);
    if (to === undefined) homeless.push(name);
    else if (to !== from) moves.push({ queue: name, from, to, messages, bytes });
  }
  moves.sort((one, other) => compare(one.queue, other.queue));
  return { moves, totals: totalOf(moves), nodes: changesOf(moves), homeless: homeless.sort() };
}

function placementOf({ members, pins }: ClusterView): Placement {
  const placement = new Placement();
  placement.setMembers(members);
  if (pins !== undefined) placement.setPins(pins);
  return placement;
}

function changesOf(moves: readonly QueueMove[]): NodeChange[] {
  const changes = new Map<NodeId, { readonly gives: MoveTotals; readonly takes: MoveTotals }>();
  const changeOf = (node: NodeId) => {
    const known = changes.get(node);
    if (known !== undefined) return known;
    const made = { gives: totalOf([]), takes: totalOf([]) };
    changes.set(node, made);
    return made;
  };
  for (const move of moves) {
    if (move.from !== undefined) add(changeOf(move.from).gives, move);
    add(changeOf(move.to).takes, move);
  }
  return [...changes]
    .map(([node, change]) => ({ node, ...change }))
    .sort((one, other) => compare(one.node, other.node));
}

function totalOf(moves: readonly QueueMove[]): MoveTotals {
  const totals = { queues: 0, messages: 0, bytes: 0 };
  for (const move of moves) add(totals, move);
  return totals;
}

function add(totals: MoveTotals, move: QueueMove): void {
  totals.queues++;
  totals.messages += move.messages;
  totals.bytes += move.bytes;
}

/** By code units and not by the locale of a machine, which may differ between nodes. */
function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
