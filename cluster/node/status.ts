// The cluster as this node sees it, for people and programs.
// Lives on: the cluster's thread. Called by: ClusterNode.
import type { ClusterStatus, MemberStatus } from '../../src/broker/cluster-port.ts';
import type { NodeId } from '../placement/ring.ts';
import type { Carrier } from './carrier.ts';
import type { MeshMember } from './mesh-members.ts';
import type { Ownership } from './ownership.ts';

export interface StatusParts {
  readonly cluster: string;
  readonly self: Omit<MemberStatus, 'queues'>;
  readonly carrier: Carrier;
  readonly ownership: Ownership;
  readonly members: Iterable<MeshMember>;
  readonly roundTripMs: (node: NodeId) => number | undefined;
  readonly routeRepairs: number;
}

export function statusOf(parts: StatusParts): ClusterStatus {
  const { relay, moves } = parts.carrier;
  const queues = { here: 0, there: 0, nowhere: 0 };
  const byNode = new Map<NodeId, number>();
  for (const { place } of relay.queues()) {
    queues[place.kind]++;
    if (place.kind === 'there') byNode.set(place.node, (byNode.get(place.node) ?? 0) + 1);
  }
  const members: MemberStatus[] = [{ ...parts.self, queues: queues.here }];
  for (const { node, state, address, incarnation } of parts.members) {
    members.push({
      node,
      state,
      address: `${address.host}:${address.port}`,
      incarnation,
      queues: byNode.get(node) ?? 0,
      roundTripMs: parts.roundTripMs(node) ?? null,
    });
  }
  const { sentOperations, sentDeliveries, resentPublishes } = relay.counters;
  return {
    cluster: parts.cluster,
    node: parts.self.node,
    members,
    queues,
    moves: { outgoing: moves.outgoing, incoming: moves.incoming, done: parts.ownership.movesDone },
    forwarded: { operations: sentOperations, deliveries: sentDeliveries, resent: resentPublishes },
    routeRepairs: parts.routeRepairs,
    lostQueues: [...parts.ownership.lost],
  };
}
