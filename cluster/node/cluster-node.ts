// One node of the cluster, on the cluster's thread: joins the links, the members, the route log, the carrier of
// records and the decisions about queues, and answers main.
//
//   rings ── carrier ── links          members ──> placement ──> ownership ──> moves (in the carrier)
//                                      routes  ──────────────────^
import { BrokerError } from '../../src/base/errors.ts';
import type { ClusterEvent, ClusterStatus, DeclaredQueue, PlannedMove } from '../../src/broker/cluster-port.ts';
import { LoopTurn } from '../../src/broker/loop-turn.ts';
import { ShardPlacement } from '../../src/broker/placement.ts';
import type { QueueOptions } from '../../src/core/queue-options.ts';
import { Mailbox, type Mesh } from '../../src/thread/mailbox.ts';
import { OWNERSHIP_LIMITS } from '../limits.ts';
import type { LinkAuth } from '../link/auth.ts';
import type { NodeAddress } from '../link/peer.ts';
import { PeerLinks } from '../link/peer-links.ts';
import { Placement } from '../placement/placement.ts';
import { plan } from '../placement/plan.ts';
import type { NodeId } from '../placement/ring.ts';
import { Routes } from '../routes/routes.ts';
import { Carrier } from './carrier.ts';
import { type FinderSettings, Finders } from './finders.ts';
import { Introductions } from './introductions.ts';
import { type HelloMessage, type MeshMember, MeshMembers } from './mesh-members.ts';
import { Ownership, optionsOfRecord, recordOf } from './ownership.ts';
import type { RelayQueue } from './relay-queue.ts';
import { RemoteCalls } from './remote-calls.ts';
import { statusOf } from './status.ts';

export interface ClusterNodeOptions {
  readonly cluster: string;
  readonly node: NodeId;
  readonly shards: number;
  readonly mesh: Mesh;
  readonly listen: NodeAddress;
  /** The address others are told; port 0 = the one that is listened to. */
  readonly advertise: NodeAddress;
  readonly auth: LinkAuth;
  readonly tell: (event: ClusterEvent) => void;
  /** Asks main to give a queue a number here. */
  readonly introduce: (options: QueueOptions) => Promise<number>;
  readonly serve: (method: string, args: readonly unknown[]) => Promise<unknown>;
}

export class ClusterNode {
  readonly #options: ClusterNodeOptions;
  readonly #incarnation = Date.now();
  readonly #turn: LoopTurn;
  readonly #mailbox: Mailbox;
  readonly #links: PeerLinks;
  readonly #routes: Routes;
  readonly #placement = new Placement();
  readonly #shardPlacement: ShardPlacement;
  readonly #carrier: Carrier;
  readonly #ownership: Ownership;
  readonly #calls: RemoteCalls;
  #members!: MeshMembers;
  #finders!: Finders;
  readonly #declared = new Map<number, QueueOptions>();
  readonly #introductions: Introductions;
  readonly #settling = new Map<string, (() => void)[]>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ClusterNodeOptions) {
    const { node, shards, mesh, cluster } = options;
    this.#options = options;
    this.#shardPlacement = new ShardPlacement(shards);
    this.#turn = new LoopTurn(() => this.#mailbox.flush());
    this.#links = this.#makeLinks(cluster);
    this.#carrier = this.#makeCarrier(node);
    const handler = {
      receive: (...envelope: Parameters<Carrier['fromShard']>) => {
        this.#turn.touch();
        this.#carrier.fromShard(...envelope);
      },
      room: () => {},
    };
    this.#mailbox = new Mailbox({ self: shards, mesh, handler });
    this.#routes = new Routes({
      self: node,
      incarnation: this.#incarnation,
      random: Math.random,
      port: { send: (peer, message) => this.#links.sendControl(peer, message), barrierDone: () => {} },
    });
    const { relay, moves } = this.#carrier;
    this.#ownership = new Ownership({
      self: node,
      relay,
      moves,
      placement: this.#placement,
      claim: (queue) => this.#routes.owner(queue),
      isAlive: (other) => this.#isAlive(other),
      optionsOf: (number) => this.#optionsOf(number),
      onPlaced: (queue) => this.#placed(queue),
      onLost: (queue, from) => this.#log('queue.lost', { queue: queue.name, node: from }),
    });
    this.#introductions = new Introductions({
      numberOf: (name) => relay.named(name)?.number,
      ask: (queue) => options.introduce(queue),
      declare: (queue) => this.declare([queue]),
    });
    this.#calls = new RemoteCalls({
      send: (peer, message) => this.#links.sendControl(peer, message),
      serve: (method, args) => options.serve(method, args),
    });
  }

  async start(finding: FinderSettings): Promise<{ port: number }> {
    const { node, advertise } = this.#options;
    const port = await this.#links.start();
    const address = { host: advertise.host, port: advertise.port === 0 ? port : advertise.port };
    this.#members = new MeshMembers(
      { node, address },
      {
        send: (peer, message) => this.#links.sendControl(peer, message),
        keep: (peer, at) => this.#links.addPeer(peer, at),
        changed: (member, before) => this.#memberChanged(member, before),
      },
    );
    this.#replace();
    this.#mailbox.start();
    this.#finders = new Finders(finding, address, ({ kind, ...details }) => this.#log(`discovery.${kind}`, details));
    this.#finders.start(() => this.#seed());
    this.#ownership.ready(Date.now() + OWNERSHIP_LIMITS.settleMs);
    this.#timer = setInterval(() => this.#tick(), OWNERSHIP_LIMITS.tickMs);
    return { port };
  }

  declare(queues: readonly DeclaredQueue[]): void {
    for (const { number, options } of queues) {
      if (this.#carrier.relay.queue(number) !== undefined) continue;
      this.#declared.set(number, options);
      this.#ownership.look(this.#carrier.relay.add(number, options.name));
    }
  }

  /** Resolves when the queue has a place. */
  settled(name: string): Promise<void> {
    const queue = this.#carrier.relay.named(name);
    if (queue !== undefined && queue.place.kind !== 'nowhere') return Promise.resolve();
    return new Promise((resolve) => {
      this.#settling.set(name, [...(this.#settling.get(name) ?? []), resolve]);
    });
  }

  deleted(name: string, everywhere: boolean): void {
    const queue = this.#carrier.relay.named(name);
    if (queue === undefined) return;
    this.#carrier.relay.remove(name);
    this.#declared.delete(queue.number);
    this.#routes.disown(name, Date.now());
    if (!everywhere) return;
    for (const { node } of this.#members.members()) this.#links.sendControl(node, { t: 'q-deleted', name });
  }

  status(): ClusterStatus {
    const { cluster, node } = this.#options;
    return statusOf({
      cluster,
      self: { node, state: this.#members.state, address: '', incarnation: this.#incarnation, roundTripMs: 0 },
      carrier: this.#carrier,
      ownership: this.#ownership,
      members: this.#members.members(),
      roundTripMs: (member) => this.#links.figures(member)?.roundTripMs,
      routeRepairs: this.#routes.figures.routeRepairs,
    });
  }

  /** What would move if the node `without` were not there. */
  plan(without: string | undefined): readonly PlannedMove[] {
    const members = this.#placementMembers();
    const after = { members: members.filter(({ id }) => id !== without) };
    const { moves } = plan({ members }, after, this.#ownership.loads());
    return moves.map(({ queue, from, to }) => ({ queue, from: from ?? '', to }));
  }

  /** Moves every queue of this node to others. Resolves with how many are left. */
  async leave(timeoutMs: number): Promise<{ left: number }> {
    this.#members.enter('leaving');
    this.#carrier.moves.close();
    this.#replace();
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const { here } = this.status().queues;
      const canGo = this.#placement.nodes.length > 0;
      const isBusy = this.#carrier.moves.outgoing > 0;
      if ((here === 0 && !isBusy) || !canGo || Date.now() >= deadlineMs) return { left: here };
      this.#ownership.lookAtAll();
      await new Promise((resolve) => setTimeout(resolve, OWNERSHIP_LIMITS.tickMs));
    }
  }

  remote(node: NodeId, method: string, args: readonly unknown[]): Promise<unknown> {
    return this.#calls.call(node, { method, args }, Date.now());
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#mailbox.stop();
    await this.#finders.stop();
    await this.#links.close();
  }

  #makeLinks(cluster: string): PeerLinks {
    const { node, listen, auth } = this.#options;
    return new PeerLinks({
      self: { cluster, nodeId: node, incarnation: this.#incarnation },
      listen,
      auth,
      handler: {
        onUp: ({ nodeId }, link) => {
          if (link === 'control') {
            this.#members.linkUp(nodeId);
            this.#routes.peerUp(nodeId, Date.now());
          }
          this.#ownership.lookAtAll();
        },
        onDown: ({ nodeId }, link, reason) => {
          this.#log('link.down', { node: nodeId, link, reason });
          if (link !== 'control') return;
          this.#routes.peerDown(nodeId);
          this.#members.linkDown(nodeId, Date.now());
        },
        onControl: ({ nodeId, incarnation }, message) => this.#control(nodeId, incarnation, message as Control),
        onBatch: ({ nodeId }, batch) => {
          this.#turn.touch();
          batch.visit((...envelope) => this.#carrier.fromPeer(nodeId, ...envelope));
          batch.take();
        },
        onRoom: (nodeId) => this.#carrier.room(nodeId),
        onLost: (nodeId, lost) => this.#log('link.lost', { node: nodeId, ...lost }),
        onRefused: (address, code, reason) => {
          // A node that has itself among its seeds, or whose seeds are not there yet, is nothing to report.
          if (code !== 'self' && code !== 'closed') this.#log('link.refused', { address, code, reason });
        },
      },
    });
  }

  #makeCarrier(self: NodeId): Carrier {
    return new Carrier({
      self,
      shards: this.#options.shards,
      rings: {
        post: (...envelope) => {
          this.#turn.touch();
          this.#mailbox.post(...envelope);
        },
        postRecord: (...envelope) => {
          this.#turn.touch();
          this.#mailbox.postRecord(...envelope);
        },
      },
      links: {
        post: (...envelope) => this.#links.post(...envelope),
        hasRoom: (node) => this.#links.hasRoom(node),
      },
      events: {
        owned: ({ name, number, shard, epoch }) => {
          const options = this.#optionsOf(number);
          this.#routes.own(recordOf(options, { number, shard, epoch }), Date.now());
          this.#carrierQueue(name, (queue) => {
            this.#ownership.owned(queue);
            this.#placed(queue);
          });
        },
        released: ({ name, node }) => {
          this.#routes.disown(name, Date.now());
          this.#log('queue.moved', { queue: name, to: node });
          this.#carrierQueue(name, (queue) => this.#placed(queue));
        },
        introduce: (options, known) => this.#introductions.introduce(options, known),
        moveFailed: (queue, reason) => {
          this.#log('queue.move-failed', { queue, reason });
          this.#carrierQueue(queue, (found) => this.#ownership.look(found));
        },
      },
      shardOf: (queue) => this.#shardPlacement.shardOf(queue),
      optionsOf: (number) => this.#optionsOf(number),
    });
  }

  #control(node: NodeId, incarnation: number, message: Control): void {
    const { t } = message;
    if (t === 'm-hello') this.#members.hello(node, incarnation, message as unknown as HelloMessage);
    else if (t === 'c-call' || t === 'c-answer') this.#calls.receive(node, message as never);
    else if (t === 'q-deleted')
      this.#options.tell({ event: 'deleted', name: String((message as { name?: unknown }).name) });
    else {
      this.#routes.receive(node, message, Date.now());
      if (t === 'route' || t === 'route-snap' || t === 'route-fix') this.#learn(message);
    }
  }

  /** Queues that a peer says it runs, and that this node may not know. */
  #learn({ ops }: Control): void {
    if (!Array.isArray(ops)) return;
    for (let at = 0; at < ops.length; at += 2) {
      const key = String(ops[at]);
      if (key[0] !== 'q') continue;
      const name = key.slice(1);
      const claim = this.#routes.owner(name);
      const queue = this.#carrier.relay.named(name);
      if (queue !== undefined) this.#ownership.look(queue);
      else if (claim !== undefined) {
        this.#introductions.introduce(optionsOfRecord(claim.record), () =>
          this.#carrierQueue(name, (found) => this.#ownership.look(found)),
        );
      }
    }
  }

  #memberChanged(member: MeshMember, before: string | undefined): void {
    const { node, state } = member;
    this.#log('member', { member: node, state, ...(before === undefined ? {} : { before }) });
    if (state === 'dead' || state === 'left') {
      if (state === 'dead') this.#routes.dead(node, Date.now());
      else this.#routes.left(node);
      this.#calls.gone(node);
      this.#carrier.forgetPeer(node);
      this.#ownership.died(node);
      // What is kept for this start is not for the next one.
      this.#links.removePeer(node);
    }
    this.#replace();
    this.#ownership.lookAtAll();
  }

  #placementMembers(): { id: NodeId; state: MeshMember['state'] }[] {
    const self = { id: this.#options.node, state: this.#members.state };
    return [self, ...[...this.#members.members()].map(({ node: id, state }) => ({ id, state }))];
  }

  #replace(): void {
    this.#placement.setMembers(this.#placementMembers());
  }

  #isAlive(node: NodeId): boolean {
    const state = this.#members.get(node)?.state;
    return state === 'up' || state === 'leaving';
  }

  #placed({ number, name, place }: RelayQueue): void {
    const { node, shards } = this.#options;
    if (place.kind === 'here') this.#options.tell({ event: 'place', number, shard: place.shard, node });
    else if (place.kind === 'there') this.#options.tell({ event: 'place', number, shard: shards, node: place.node });
    for (const resolve of this.#settling.get(name) ?? []) resolve();
    this.#settling.delete(name);
  }

  #carrierQueue(name: string, found: (queue: RelayQueue) => void): void {
    const queue = this.#carrier.relay.named(name);
    if (queue !== undefined) found(queue);
  }

  #optionsOf(number: number): QueueOptions {
    const options = this.#declared.get(number);
    if (options === undefined) throw new BrokerError('internal', `Queue ${number} is not declared`);
    return options;
  }

  #tick(): void {
    const nowMs = Date.now();
    this.#members.tick(nowMs);
    this.#routes.tick(nowMs);
    this.#calls.tick(nowMs);
    this.#ownership.tick(nowMs);
    if (nowMs - this.#seededMs >= SEED_MS) this.#seed();
  }

  #seededMs = 0;

  /** Addresses of no known member are tried again and again: they may have been away, or on the other side of a cut. */
  #seed(): void {
    this.#seededMs = Date.now();
    const { listen, advertise } = this.#options;
    const known = new Set([listen, advertise].map(({ host, port }) => `${host}:${port}`));
    for (const { address, state } of this.#members.members()) {
      if (state === 'up' || state === 'leaving') known.add(`${address.host}:${address.port}`);
    }
    const lost = [...this.#members.members()].filter(({ state }) => state === 'dead').map(({ address }) => address);
    for (const seed of [...this.#finders.addresses, ...lost]) {
      if (!known.has(`${seed.host}:${seed.port}`)) this.#links.connect(seed);
    }
  }

  #log(what: string, details: Record<string, unknown>): void {
    this.#options.tell({ event: 'log', what, details });
  }
}

/** How often seeds that are not known are tried, ms. */
const SEED_MS = 1_000;

type Control = Readonly<Record<string, unknown>>;
