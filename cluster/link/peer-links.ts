// All links of this node: listens, dials the peers it is told of, and keeps two links to each, one for control and one
// for records, so that gossip never waits behind a large batch. A peer that is dead or slow costs what is kept for it,
// and nobody waits for it: post() and sendControl() never block, they say no.
//
// Either side may dial, because a node that joins is not known to the others yet. Of two links of one kind the one that
// the lower name dialed is kept, by both ends alike; the higher name waits a second before it dials, so that this is
// rare. Of two from the same side the newer is kept: its dialer knows that the older one is dead.
//
// Lives on: the thread of the links. Edge: owns sockets and a timer.
import type net from 'node:net';
import { LINK_LIMITS } from '../limits.ts';
import { type LinkAuth, requireAuth } from './auth.ts';
import type { Words } from './batch.ts';
import { BatchPool } from './batch-pool.ts';
import type { LinkKind } from './frame.ts';
import type { Established, LinkIdentity, LinkPeer } from './handshake.ts';
import { type ConnectionRole, LinkConnection } from './link-connection.ts';
import { type LinkCode, LinkError } from './link-error.ts';
import type { LinkHandler, PeerFigures } from './link-handler.ts';
import { dialSocket, LinkListener, readyEvent, remoteOf } from './link-sockets.ts';
import { LINK_KINDS, type NodeAddress, Peer } from './peer.ts';
import { PeerBulk } from './peer-bulk.ts';

export interface PeerLinksOptions {
  readonly self: LinkIdentity;
  readonly listen: NodeAddress;
  readonly auth: LinkAuth;
  readonly handler: LinkHandler;
  /** Bytes a peer may send before its batches are taken. */
  readonly windowBytes?: number;
  readonly nowMs?: () => number;
  /** In [0, 1), for the pauses between dials. */
  readonly random?: () => number;
}

export class PeerLinks {
  readonly #options: PeerLinksOptions;
  readonly #nowMs: () => number;
  readonly #random: () => number;
  readonly #peers = new Map<string, Peer>();
  /** Connections in their handshake. */
  readonly #opening = new Set<LinkConnection>();
  readonly #refusals = new Map<LinkCode, number>();
  readonly #pool = new BatchPool();
  readonly #listener: LinkListener;
  /** Peers with posts of this loop turn. */
  readonly #posted = new Set<PeerBulk>();
  #streams = 0;
  #timer: NodeJS.Timeout | undefined;
  #tickedMs = 0;
  /** Silence is not held against peers before this: this thread itself was late, and has not read yet. */
  #graceMs = 0;
  #closed = false;

  constructor(options: PeerLinksOptions) {
    requireAuth(options.listen.host, options.auth);
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
    this.#listener = new LinkListener({
      tls: options.auth.tls,
      onSocket: (socket) => this.#accept(socket),
      onBusy: (address) => this.#refused(address, new LinkError('busy', 'Too many connections without a name')),
      onTlsFault: (address, reason) => this.#refused(address, new LinkError('wrong-key', `TLS: ${reason}`)),
    });
  }

  /** Listens and begins to dial; the port that it listens on. */
  async start(): Promise<number> {
    const port = await this.#listener.listen(this.#options.listen);
    this.#tickedMs = this.#nowMs();
    this.#timer = setInterval(() => this.#tick(), LINK_LIMITS.tickMs);
    return port;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    const bye = new LinkError('closed', 'this node closes its links');
    for (const connection of this.#opening) connection.close(bye);
    for (const peer of this.#peers.values()) closeLinks(peer, bye);
    await this.#listener.close();
  }

  /** Keeps links to this node from now on, at this address. Throws when the address needs authentication. */
  addPeer(nodeId: string, address: NodeAddress): void {
    requireAuth(address.host, this.#options.auth);
    if (nodeId === this.#options.self.nodeId) return;
    const peer = this.#peer(nodeId);
    const { address: known } = peer;
    if (known?.host === address.host && known.port === address.port) return;
    peer.address = address;
    for (const kind of LINK_KINDS) {
      peer.slots[kind].attempts = 0;
      peer.slots[kind].nextDialMs = this.#nowMs() + this.#dialDelayMs(nodeId);
    }
    this.#dialDue(peer);
  }

  /** Closes the links to this node, and drops what is kept for it. It may come back by itself. */
  removePeer(nodeId: string): void {
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) return;
    peer.address = undefined;
    closeLinks(peer, new LinkError('closed', 'the peer was removed'));
    peer.bulk.drop();
    this.#peers.delete(nodeId);
  }

  /** Dials an address of which the node is not known; it is a peer once it has said its name. One attempt. */
  connect(address: NodeAddress): void {
    requireAuth(address.host, this.#options.auth);
    this.#dial(address, { kind: 'dialer', link: 'control', expected: undefined });
  }

  /** False when there is no link to carry it: the message is not kept. */
  sendControl(nodeId: string, message: object): boolean {
    return this.#peers.get(nodeId)?.slots.control.connection?.sendControl(message) ?? false;
  }

  /**
   * Posts an envelope, with the record at `offset` of `memory` unless that is -1; it goes out at the end of the turn,
   * or when the peer is back. False = the peer is unknown, or too much is kept for it. The hot path: positional.
   */
  post(
    nodeId: string,
    operation: number,
    target: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    memory: Words,
    offset: number,
  ): boolean {
    const peer = this.#peers.get(nodeId);
    return peer?.bulk.post(operation, target, a, b, c, d, e, memory, offset) ?? false;
  }

  /** Whether sources of records for this peer may go on; onRoom() follows when not. */
  hasRoom(nodeId: string): boolean {
    return this.#peers.get(nodeId)?.bulk.hasRoom() ?? false;
  }

  /** Sends what was posted, for a caller that knows the end of its turn; otherwise it goes by itself. */
  flush(): void {
    for (const bulk of this.#posted) {
      this.#posted.delete(bulk);
      bulk.flush();
    }
  }

  figures(nodeId: string): PeerFigures | undefined {
    return this.#peers.get(nodeId)?.figures();
  }

  get peerIds(): readonly string[] {
    return [...this.#peers.keys()];
  }

  /** Connections that became no link, or links that were ended for a fault of the peer, by code. */
  get refusals(): ReadonlyMap<LinkCode, number> {
    return this.#refusals;
  }

  #peer(nodeId: string): Peer {
    const known = this.#peers.get(nodeId);
    if (known !== undefined) return known;
    if (this.#peers.size >= LINK_LIMITS.peersMax) {
      throw new LinkError('busy', `Cannot link to "${nodeId}": this node has ${LINK_LIMITS.peersMax} peers`);
    }
    const { handler, windowBytes = LINK_LIMITS.windowBytes } = this.#options;
    const bulk: PeerBulk = new PeerBulk({
      pool: this.#pool,
      nextStream: () => ++this.#streams,
      windowBytes,
      onBatch: (batch) => handler.onBatch({ nodeId, incarnation: peer.incarnation ?? 0 }, batch),
      onRoom: () => handler.onRoom(nodeId),
      onLost: (lost) => handler.onLost(nodeId, lost),
      onPosted: () => this.#posts(bulk),
    });
    const peer = new Peer(nodeId, bulk);
    this.#peers.set(nodeId, peer);
    return peer;
  }

  #posts(bulk: PeerBulk): void {
    if (this.#posted.size === 0) setImmediate(() => this.flush());
    this.#posted.add(bulk);
  }

  #accept(socket: net.Socket): void {
    const admit = (peer: LinkPeer, link: LinkKind): LinkError | undefined => this.#admit(peer, link, 'listener');
    this.#connection(socket, { kind: 'listener', admit });
  }

  #dial(address: NodeAddress, role: ConnectionRole): LinkConnection {
    const { tls } = this.#options.auth;
    const socket = dialSocket(address, tls);
    const connection = this.#connection(socket, role);
    socket.once(readyEvent(tls), () => connection.start());
    return connection;
  }

  #connection(socket: net.Socket, role: ConnectionRole): LinkConnection {
    const { self, auth } = this.#options;
    const dialed = role.kind === 'dialer' && role.expected !== undefined ? this.#peers.get(role.expected) : undefined;
    const done = (connection: LinkConnection): void => {
      this.#opening.delete(connection);
      if (dialed !== undefined && role.kind === 'dialer') dialed.slots[role.link].isDialing = false;
    };
    const connection = new LinkConnection(
      { socket, role, self, sharedKey: auth.sharedKey, pool: this.#pool, nowMs: this.#nowMs },
      {
        established: (link, result) => {
          done(link);
          this.#listener.known(socket);
          // Removed while it was dialed: it would come back as a peer that nobody asked for.
          const isRemoved = dialed !== undefined && this.#peers.get(dialed.nodeId) !== dialed;
          if (isRemoved) link.close(new LinkError('closed', 'the peer was removed'));
          else this.#established(link, result);
        },
        failed: (link, error) => {
          done(link);
          this.#refused(remoteOf(socket), error);
        },
      },
    );
    this.#opening.add(connection);
    return connection;
  }

  /** Why this peer may not have a link of this kind now; undefined = it may, and the link it had is closed. */
  #admit(peer: LinkPeer, link: LinkKind, role: 'dialer' | 'listener'): LinkError | undefined {
    const known = this.#peers.get(peer.nodeId);
    if (known === undefined) {
      if (this.#peers.size < LINK_LIMITS.peersMax) return undefined;
      return new LinkError('busy', `Cannot link: this node has ${LINK_LIMITS.peersMax} peers`);
    }
    if (known.incarnation !== undefined && peer.incarnation < known.incarnation) {
      return new LinkError('stale', `Cannot link: a later start of "${peer.nodeId}" was seen`);
    }
    const old = known.slots[link].connection;
    if (old === undefined || peer.incarnation !== known.incarnation) return undefined;
    // Ours are those we dialed; the lower name's are kept.
    const winner = this.#options.self.nodeId < peer.nodeId ? 'dialer' : 'listener';
    if (old.role !== winner || role === winner) return undefined;
    return new LinkError('duplicate', `Cannot link: "${peer.nodeId}" and this node have a ${link} link already`);
  }

  #established(connection: LinkConnection, result: Established): void {
    const { peer: id, link } = result;
    const refusal = this.#closed ? new LinkError('closed', 'closing') : this.#admit(id, link, connection.role);
    if (refusal !== undefined) {
      connection.close(refusal);
      return;
    }
    const peer = this.#peer(id.nodeId);
    const replaced = new LinkError('duplicate', 'a newer connection takes its place');
    if (peer.incarnation !== id.incarnation) closeLinks(peer, replaced);
    peer.slots[link].connection?.close(replaced);
    peer.incarnation = id.incarnation;
    peer.linked(link, connection, this.#nowMs());
    this.#listenTo(connection, peer, result);
    if (link === 'bulk') peer.bulk.attach(connection, id.incarnation);
    this.#options.handler.onUp(id, link);
  }

  #listenTo(connection: LinkConnection, peer: Peer, result: Established): void {
    const { handler } = this.#options;
    const { peer: id, link } = result;
    connection.listen({
      control: (message) => handler.onControl(id, message),
      batch: (memory, bytes) => peer.bulk.batch(memory, bytes),
      numbers: (type, first, second) => peer.bulk.numbers(type, first, second),
      roundTrip: (ms) => peer.roundTrip(ms),
      turn: () => {
        if (link === 'bulk') peer.bulk.turn();
      },
      drained: () => peer.bulk.drained(),
      closed: (error) => {
        peer.unlinked(link, connection, error.code === 'closed');
        if (link === 'bulk') peer.bulk.detach();
        peer.backOff(link, {
          nowMs: this.#nowMs(),
          random: this.#random(),
          delayMs: this.#dialDelayMs(peer.nodeId),
        });
        if (error.code !== 'closed' && error.code !== 'duplicate') this.#count(error.code);
        handler.onDown(id, link, error.message);
      },
    });
  }

  /** The lower name dials; the higher one only when that does not happen. */
  #dialDelayMs(nodeId: string): number {
    return this.#options.self.nodeId < nodeId ? 0 : LINK_LIMITS.higherDialDelayMs;
  }

  #dialDue(peer: Peer): void {
    const { address } = peer;
    if (address === undefined || this.#closed) return;
    const nowMs = this.#nowMs();
    for (const link of LINK_KINDS) {
      const slot = peer.slots[link];
      if (slot.connection !== undefined || slot.isDialing || nowMs < slot.nextDialMs) continue;
      slot.isDialing = true;
      peer.backOff(link, { nowMs, random: this.#random(), delayMs: 0 });
      this.#dial(address, { kind: 'dialer', link, expected: peer.nodeId });
    }
  }

  #tick(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#tickedMs > LINK_LIMITS.pingMs) this.#graceMs = nowMs + LINK_LIMITS.silenceMs;
    this.#tickedMs = nowMs;
    for (const peer of this.#peers.values()) {
      this.#dialDue(peer);
      for (const link of LINK_KINDS) this.#watch(peer, link, nowMs);
    }
  }

  #watch(peer: Peer, link: LinkKind, nowMs: number): void {
    const slot = peer.slots[link];
    const { connection } = slot;
    if (connection === undefined) return;
    const silentMs = nowMs - connection.heardMs;
    if (silentMs > LINK_LIMITS.silenceMs && nowMs > this.#graceMs) {
      connection.close(new LinkError('timeout', `Nothing heard for ${Math.round(silentMs)} ms`));
    } else if (nowMs - slot.pingedMs >= LINK_LIMITS.pingMs) {
      slot.pingedMs = nowMs;
      connection.ping();
    }
  }

  #refused(address: string, error: LinkError): void {
    if (this.#closed) return;
    this.#count(error.code);
    this.#options.handler.onRefused(address, error.code, error.message);
  }

  #count(code: LinkCode): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }
}

function closeLinks(peer: Peer, why: LinkError): void {
  for (const kind of LINK_KINDS) peer.slots[kind].connection?.close(why);
}
