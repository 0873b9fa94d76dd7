// Nodes that tell each other their routes, in virtual time: links that come and go, and, beyond what TCP would do, that
// lose, double, reorder and alter messages. A model knows what each node wants and runs; once all is quiet every node
// must see exactly that of every other (invariant I10).
import { packControl, unpackControl } from '../link/control-codec.ts';
import { isWildcard } from '../routes/route-entry.ts';
import type { RouteSizes } from '../routes/route-log.ts';
import type { RouteMessage } from '../routes/route-message.ts';
import { Routes } from '../routes/routes.ts';
import { SimRandom } from './random.ts';
import { type ScheduledEvent, Scheduler } from './scheduler.ts';

export interface RouteFaults {
  /** Of each message, 0 to 1. */
  readonly loss: number;
  readonly duplicate: number;
  readonly alter: number;
  /** Messages of one link overtake each other. */
  readonly reorder: boolean;
}

const NO_FAULTS: RouteFaults = { loss: 0, duplicate: 0, alter: 0, reorder: false };

interface RoutesSimOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Small limits bring a small cluster to what large tables do. */
  readonly sizes?: Partial<RouteSizes>;
}

/** A node and what it should have said. */
export interface SimNode {
  readonly name: string;
  routes: Routes;
  incarnation: number;
  /** Filter -> holders. */
  readonly wants: Map<string, number>;
  /** Queue -> epoch. */
  readonly owns: Map<string, number>;
  readonly barriers: Map<number, boolean>;
  tick: ScheduledEvent | undefined;
  tickMs: number;
}

interface Link {
  isUp: boolean;
  /** Counts connections: what was sent on an earlier one does not arrive. */
  connection: number;
  /** Node -> when its last message arrives. */
  readonly lastMs: Map<string, number>;
}

const SPACE = 't';
const PROBE_MS = 1_000;
const DELAY_MS_MAX = 20;
/** The longest that anything waits for: a comparison without a cause. */
const HEAL_MS = 65_000;

export class RoutesSim {
  readonly scheduler = new Scheduler();
  readonly random: SimRandom;
  readonly nodes: SimNode[] = [];
  faults: RouteFaults = NO_FAULTS;
  messages = 0;
  connects = 0;
  /** All that were ever wanted or run. */
  readonly #filters = new Set<string>();
  readonly #queues = new Set<string>();
  readonly #links = new Map<string, Link>();
  readonly #options: RoutesSimOptions;

  constructor(options: RoutesSimOptions) {
    this.#options = options;
    this.random = new SimRandom(options.seed);
    for (let index = 0; index < options.nodes; index++) this.nodes.push(this.#newNode(`n${index}`));
    for (const [index, a] of this.nodes.entries()) {
      for (const b of this.nodes.slice(index + 1)) {
        this.#links.set(linkName(a, b), { isUp: false, connection: 0, lastMs: new Map() });
        this.connect(a, b);
      }
      this.#probe(a);
    }
  }

  subscribe(node: SimNode, filter: string): void {
    this.#filters.add(filter);
    node.wants.set(filter, (node.wants.get(filter) ?? 0) + 1);
    node.routes.subscribe({ space: SPACE, filter, kind: 'session', shard: filter.length % 4 }, this.scheduler.nowMs);
    this.#arm(node);
  }

  unsubscribe(node: SimNode, filter: string): void {
    const count = node.wants.get(filter) ?? 0;
    if (count === 0) return;
    if (count === 1) node.wants.delete(filter);
    else node.wants.set(filter, count - 1);
    node.routes.unsubscribe({ space: SPACE, filter, kind: 'session', shard: filter.length % 4 }, this.scheduler.nowMs);
    this.#arm(node);
  }

  own(node: SimNode, name: string, epoch: number): void {
    this.#queues.add(name);
    node.owns.set(name, epoch);
    const record = { name, number: epoch, shard: 0, epoch, topics: [name], prefetchCount: 1, options: new Map() };
    node.routes.own(record, this.scheduler.nowMs);
    this.#arm(node);
  }

  disown(node: SimNode, queue: string): void {
    node.owns.delete(queue);
    node.routes.disown(queue, this.scheduler.nowMs);
    this.#arm(node);
  }

  barrier(node: SimNode, number: number): void {
    node.routes.barrier(number, this.scheduler.nowMs);
    this.#arm(node);
  }

  connect(a: SimNode, b: SimNode): void {
    const link = this.#link(a, b);
    if (link.isUp) return;
    link.isUp = true;
    link.connection++;
    this.connects++;
    for (const [node, peer] of [
      [a, b],
      [b, a],
    ]) {
      node.routes.peerUp(peer.name, this.scheduler.nowMs);
      this.#arm(node);
    }
  }

  cut(a: SimNode, b: SimNode): void {
    const link = this.#link(a, b);
    if (!link.isUp) return;
    link.isUp = false;
    link.connection++;
    a.routes.peerDown(b.name);
    b.routes.peerDown(a.name);
  }

  /** The process of a node ends, and another one starts that knows nothing. */
  restart(node: SimNode): void {
    const peers = this.nodes.filter((peer) => peer !== node && this.#link(node, peer).isUp);
    for (const peer of peers) this.cut(node, peer);
    for (const peer of this.nodes) if (peer !== node) peer.routes.dead(node.name, this.scheduler.nowMs);
    if (node.tick !== undefined) node.tick.cancelled = true;
    node.tick = undefined;
    node.incarnation++;
    node.wants.clear();
    node.owns.clear();
    node.routes = this.#newRoutes(node);
    for (const peer of peers) this.connect(node, peer);
  }

  /** Ends all faults and lets every repair take its time. */
  heal(forMs = HEAL_MS): void {
    this.faults = NO_FAULTS;
    for (const a of this.nodes) for (const b of this.nodes) if (a !== b) this.connect(a, b);
    this.scheduler.runUntil(this.scheduler.nowMs + forMs);
  }

  /** What is wrong now, as one text a finding. */
  check(): string[] {
    const faults: string[] = [];
    for (const node of this.nodes) {
      for (const origin of this.nodes) if (node !== origin) this.#checkCopy(node, origin, faults);
      this.#checkView(node, faults);
    }
    return faults;
  }

  #checkCopy(node: SimNode, origin: SimNode, faults: string[]): void {
    const where = `${node.name} of ${origin.name}`;
    const head = JSON.stringify(origin.routes.head);
    const copy = JSON.stringify(node.routes.replicaHead(origin.name));
    if (copy !== head) faults.push(`${where}: ${copy} instead of ${head}`);
    for (const filter of origin.wants.keys()) {
      const topic = filter.replaceAll('+', 'any').replaceAll('#', 'more/any');
      const found = node.routes.match(SPACE, topic).find((target) => target.origin === origin.name);
      if (found === undefined || found.isParked) faults.push(`${where}: ${topic} is not routed`);
    }
  }

  /** The merged view of a node: what is in it, and that nothing else is. */
  #checkView(node: SimNode, faults: string[]): void {
    const others = this.nodes.filter((other) => other !== node);
    for (const filter of this.#filters) {
      if (this.#options.sizes?.summaryAbove !== undefined && !isWildcard(filter)) continue;
      const holders = node.routes.holders(SPACE, filter).map((target) => target.origin);
      const wanted = others.filter((other) => other.wants.has(filter)).map((other) => other.name);
      if (holders.sort().join() !== wanted.join()) faults.push(`${node.name}: ${filter} -> ${holders} not ${wanted}`);
    }
    for (const queue of this.#queues) {
      const epoch = Math.max(...others.map((other) => other.owns.get(queue) ?? -1));
      const known = node.routes.owner(queue)?.record.epoch ?? -1;
      if (known !== epoch) faults.push(`${node.name}: ${queue} has epoch ${known} instead of ${epoch}`);
    }
    const { parked } = node.routes.figures;
    if (parked > 0) faults.push(`${node.name}: ${parked} origins are parked`);
  }

  #newNode(name: string): SimNode {
    const node = { name, incarnation: 1, wants: new Map(), owns: new Map(), barriers: new Map() };
    const whole = { ...node, tick: undefined, tickMs: 0 } as unknown as SimNode;
    whole.routes = this.#newRoutes(whole);
    return whole;
  }

  #newRoutes(node: SimNode): Routes {
    const { sizes } = this.#options;
    const incarnation = node.incarnation;
    return new Routes({
      self: node.name,
      incarnation,
      random: () => this.random.next(),
      port: {
        send: (peer, message) => this.#send(node, peer, message),
        barrierDone: (barrier, isLate) => node.barriers.set(barrier, isLate),
      },
      ...(sizes === undefined ? {} : { sizes }),
    });
  }

  #link(a: SimNode, b: SimNode): Link {
    return this.#links.get(linkName(a, b)) as Link;
  }

  #probe(node: SimNode): void {
    this.scheduler.after(PROBE_MS * this.random.between(0.5, 1), `probe ${node.name}`, () => {
      const head = node.routes.head;
      for (const peer of this.nodes) {
        if (peer === node || !this.#link(node, peer).isUp) continue;
        this.#deliver(node, peer, (to) => to.routes.heads([head], this.scheduler.nowMs));
      }
      this.#probe(node);
    });
  }

  #send(from: SimNode, peer: string, message: RouteMessage): void {
    const to = this.nodes.find((node) => node.name === peer) as SimNode;
    const { loss, duplicate, alter } = this.faults;
    this.messages++;
    if (this.random.chance(loss)) return;
    const bytes = packControl(this.random.chance(alter) ? altered(message) : message);
    const arrive = (node: SimNode): void => {
      node.routes.receive(from.name, unpackControl(bytes), this.scheduler.nowMs);
    };
    this.#deliver(from, to, arrive);
    if (this.random.chance(duplicate)) this.#deliver(from, to, arrive);
  }

  #deliver(from: SimNode, to: SimNode, arrive: (to: SimNode) => void): void {
    const link = this.#link(from, to);
    const { connection } = link;
    let atMs = this.scheduler.nowMs + this.random.between(0.1, DELAY_MS_MAX);
    if (!this.faults.reorder) atMs = Math.max(atMs, link.lastMs.get(from.name) ?? 0);
    link.lastMs.set(from.name, atMs);
    this.scheduler.at(atMs, `${from.name}>${to.name}`, () => {
      if (link.connection !== connection) return;
      arrive(to);
      this.#arm(to);
    });
  }

  /** Sees to it that the node's tick() comes when it is due. */
  #arm(node: SimNode): void {
    const dueMs = Math.max(node.routes.dueMs, this.scheduler.nowMs);
    if (node.tick !== undefined && node.tickMs <= dueMs) return;
    if (node.tick !== undefined) node.tick.cancelled = true;
    node.tickMs = dueMs;
    node.tick = this.scheduler.at(dueMs, `tick ${node.name}`, () => {
      node.tick = undefined;
      node.routes.tick(this.scheduler.nowMs);
      this.#arm(node);
    });
  }
}

function linkName(a: SimNode, b: SimNode): string {
  return a.name < b.name ? `${a.name} ${b.name}` : `${b.name} ${a.name}`;
}

/** A frame of which one entry is another; other messages as they are. */
function altered(message: RouteMessage): RouteMessage {
  if (message.t !== 'route' || String(message.ops[0]).startsWith('b')) return message;
  return { ...message, ops: [`${message.ops[0]}x`, ...message.ops.slice(1)] };
}
