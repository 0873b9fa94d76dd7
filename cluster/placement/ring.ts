// Which node a queue belongs to when nothing else says so: consistent hashing of its name over the nodes. Each node has
// 164 points on a circle of 2^32; a queue belongs to the node of the next point. A node that comes takes queues, and
// one that goes gives them, but never do two others exchange any. The same nodes give the same answer in every process,
// in whatever order they were learned.
// Called by: placement.ts, plan.ts.
import { hash } from 'node:crypto';
import HashRing from 'hashring';
import { PLACEMENT_LIMITS } from '../limits.ts';

/** Name of a node, unique in its cluster. */
export type NodeId = string;

/**
 * Given for each node and unlike the library's default of 40: with the default it rounds shares down at some counts
 * (7, 14, 28, 49, ...) and moves queues between nodes that both stayed. The library makes four points of each.
 */
const VNODES = 41;
const POINTS_PER_VNODE = 4;

/**
 * Before each name: the library keeps names as keys of plain objects, where `10` would sort
 * as a number and a queue called `__proto__` would be looked up in, and written to, what all objects have in common.
 */
const NODE_PREFIX = 'node-';
const QUEUE_PREFIX = 'queue-';

/** SHA-256 and not the library's MD5, which a process in FIPS mode does not have. Sixteen bytes of it are used. */
export const ringDigest = (text: string): Buffer => hash('sha256', text, 'buffer');

export class Ring {
  /** Sorted: of two points in one place the node that sorts first has it, on every node of the cluster. */
  readonly nodes: readonly NodeId[];
  readonly #ring: HashRing;
  /** Answers already given, in two generations: when the young one is full it becomes the old one, which is dropped. */
  #young = new Map<string, NodeId>();
  #old = new Map<string, NodeId>();

  constructor(nodes: Iterable<NodeId>, digest: (text: string) => Buffer = ringDigest) {
    this.nodes = [...new Set(nodes)].sort();
    const servers: Record<string, { vnodes: number }> = {};
    for (const node of this.nodes) servers[NODE_PREFIX + node] = { vnodes: VNODES };
    const options = { replicas: POINTS_PER_VNODE, 'max cache size': 1 };
    this.#ring = new HashRing(servers, digest, options);
  }

  /** Undefined when there are no nodes. */
  nodeOf(queue: string): NodeId | undefined {
    if (this.nodes.length === 0) return undefined;
    const known = this.#young.get(queue);
    if (known !== undefined) return known;
    const node = this.#old.get(queue) ?? this.#ring.get(QUEUE_PREFIX + queue).slice(NODE_PREFIX.length);
    if (this.#young.size >= PLACEMENT_LIMITS.cachedMax / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(queue, node);
    return node;
  }
}

/**
 * What all nodes of a cluster must have in common to agree on owners, as a short text to compare when a node joins. It
 * has the answers of a small ring in it, so that a library that counts otherwise is found out as well.
 */
export function ringParametersHash(): string {
  const sample = new Ring(['a', 'b', 'c', 'd', 'e']);
  const answers = Array.from({ length: 64 }, (_, index) => sample.nodeOf(`queue-${index}`));
  const parameters = ['ketama', 'sha256', VNODES, POINTS_PER_VNODE, NODE_PREFIX, QUEUE_PREFIX, answers.join()].join(
    '|',
  );
  return `ring1-${hash('sha256', parameters, 'hex').slice(0, 16)}`;
}
