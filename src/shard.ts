// Assembles one shard: an event loop that accepts connections, parses, routes, and runs the queues pinned to it.
// A long-lived task of the pool; it returns when main tells it to stop.
import { getRandomValues } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { MessagePort } from 'node:worker_threads';
import { native } from '../native/index.ts';
import { twins } from '../native/twins.ts';
import { TimingWheel } from './base/timing-wheel.ts';
import { UuidSource } from './base/uuid.ts';
import { type ControlEvent, type ControlHandlers, serveControl } from './broker/control.ts';
import { LoopTurn } from './broker/loop-turn.ts';
import { RoutingTable } from './broker/routing-table.ts';
import { ShardBroker } from './broker/shard-broker.ts';
import { ShardControl } from './broker/shard-control.ts';
import type { ShardSnapshot } from './broker/snapshots.ts';
import { WheelDriver } from './broker/wheel-driver.ts';
import { MessageTable } from './core/message-table.ts';
import type { QueueShared } from './core/queue-handler.ts';
import { GrpcDoor } from './door/grpc-door.ts';
import { hsmqMethods } from './door/hsmq-methods.ts';
import { Authenticator, type AuthenticatorOptions } from './session/auth.ts';
import { Mailbox, type Mesh } from './thread/mailbox.ts';
import { encodeMetaSuffix } from './wire/hsmq/responses.ts';

/** What main gives a shard at its start: plain data, and the port it is steered through. */
export interface ShardData {
  readonly index: number;
  readonly shards: number;
  readonly nodeName: string;
  /** Number of the thread that leads to other nodes; undefined = a node alone. */
  readonly clusterThread: number | undefined;
  readonly mesh: Mesh;
  readonly port: MessagePort;
  readonly auth: AuthenticatorOptions;
  readonly tls:
    | { readonly key: string; readonly cert: string; readonly ca?: string; readonly requireClientCertificate: boolean }
    | undefined;
  readonly memoryBytesMax: number;
  readonly messageBytesMax: number;
  /** Keep this shard on one core, where the native helper can. */
  readonly pinThread: boolean;
  /** Of this shard. */
  readonly connectionsMax: number;
  readonly streamsPerConnectionMax: number;
}

/** How often the loop delay is sampled, ms: fine enough to see a stall of a few ms, at no cost. */
const LOOP_DELAY_RESOLUTION_MS = 10;

class Shard {
  readonly #data: ShardData;
  readonly #turn: LoopTurn;
  readonly #routes = new RoutingTable();
  readonly #wheel: TimingWheel;
  readonly #driver: WheelDriver;
  readonly #messages: MessageTable;
  readonly #broker: ShardBroker;
  readonly #mailbox: Mailbox;
  readonly #control: ShardControl;
  readonly #door: GrpcDoor;
  readonly #authenticator: Authenticator;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_DELAY_RESOLUTION_MS });
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();
  #stopped!: () => void;
  readonly stopped = new Promise<void>((resolve) => {
    this.#stopped = resolve;
  });

  constructor(data: ShardData) {
    this.#data = data;
    this.#turn = new LoopTurn(() => this.#endTurn());
    this.#wheel = new TimingWheel(Date.now());
    this.#driver = new WheelDriver(this.#wheel, (owner, item, nowMs) => this.#timer(owner, item, nowMs));
    this.#messages = new MessageTable({ memoryLimitBytes: data.memoryBytesMax });
    this.#broker = new ShardBroker({
      self: data.index,
      shards: data.shards,
      routes: this.#routes,
      turn: this.#turn,
      ...(data.clusterThread === undefined ? {} : { clusterThread: data.clusterThread }),
      ids: new UuidSource(getRandomValues(new Uint32Array(2))),
      onIdle: (queue) => this.#tell({ event: 'idle', number: queue.number }),
    });
    this.#mailbox = new Mailbox({ self: data.index, mesh: data.mesh, handler: this.#broker.exchange });
    const shared: QueueShared = {
      messages: this.#messages,
      wheel: this.#wheel,
      handler: this.#broker,
      laneOf: (address) => this.#broker.laneOf(address),
    };
    this.#broker.connect(this.#mailbox, shared);
    this.#control = new ShardControl({
      self: data.index,
      broker: this.#broker,
      routes: this.#routes,
      shared,
      metaSuffix: (queue, shard) => encodeMetaSuffix({ queue, shard: `${data.nodeName}/${shard}` }),
    });
    this.#authenticator = new Authenticator(data.auth);
    this.#door = this.#makeDoor(data);
  }

  #makeDoor(data: ShardData): GrpcDoor {
    return new GrpcDoor({
      methods: hsmqMethods(this.#broker, {
        messageBytesMax: data.messageBytesMax,
        onRefused: () => this.#broker.counters.publishErrors++,
      }),
      authorize: (metadata, certificateName) => {
        const header = metadata.authorization;
        return this.#authenticator.authorize(
          typeof header === 'string' ? header : undefined,
          Date.now(),
          certificateName,
        );
      },
      limits: {
        messageBytesMax: data.messageBytesMax,
        connectionsMax: data.connectionsMax,
        streamsPerConnectionMax: data.streamsPerConnectionMax,
      },
      ...(data.tls === undefined ? {} : { tls: data.tls }),
    });
  }

  start(): void {
    this.#loopDelay.enable();
    this.#mailbox.start();
    serveControl(this.#data.port, this.#handlers(), (error) => {
      throw error;
    });
  }

  #handlers(): ControlHandlers {
    const control = this.#control;
    return {
      create: ({ queues }) => control.create(queues),
      delete: ({ number, only }) => control.delete(number, only),
      purge: ({ number }) => control.purge(number),
      pause: ({ number }) => control.pause(number),
      resume: ({ number }) => control.resume(number),
      peek: ({ number, limit }) => control.peek(number, limit),
      requeue: ({ number, to }) => control.requeue(number, to),
      queues: ({ numbers }) => control.queues(numbers),
      stats: () => this.#snapshot(),
      listen: (address) => this.#door.listen(address),
      drain: () => this.#drain(),
      pending: () => this.#pending(),
      stop: ({ graceMs }) => this.#stop(graceMs),
    };
  }

  #timer(queue: number, item: number, nowMs: number): void {
    const actor = this.#routes.number(queue)?.actor;
    if (actor !== undefined) actor.timer(item, nowMs);
    else this.#broker.handOver.timer(queue, item);
  }

  #pending(): { messages: number; inTransitBytes: number; sessions: number } {
    const { pendingBytes: inTransitBytes } = this.#mailbox;
    return { messages: this.#control.pendingMessages(), inTransitBytes, sessions: this.#broker.sessions.count };
  }

  #endTurn(): void {
    this.#mailbox.flush();
    this.#driver.schedule();
  }

  #tell(event: ControlEvent): void {
    this.#data.port.postMessage(event);
  }

  #drain(): null {
    this.#door.drain();
    this.#broker.drain();
    return null;
  }

  async #stop(graceMs: number): Promise<null> {
    this.#broker.sessions.forEach((session) => {
      session.stop();
    });
    await this.#door.close(graceMs);
    this.#driver.stop();
    this.#loopDelay.disable();
    // The answer to this request leaves first; then the port and the mailbox let the thread go.
    setImmediate(() => {
      this.#mailbox.stop();
      this.#data.port.close();
      this.#stopped();
    });
    return null;
  }

  #snapshot(): ShardSnapshot {
    const delay = this.#loopDelay;
    const toMs = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - LOOP_DELAY_RESOLUTION_MS);
    const loopDelayMs = { p50: toMs(delay.percentile(50)), p99: toMs(delay.percentile(99)), max: toMs(delay.max) };
    delay.reset();
    const before = this.#utilization;
    this.#utilization = performance.eventLoopUtilization();
    return {
      shard: this.#data.index,
      counters: { ...this.#broker.counters },
      sessions: this.#broker.sessions.count,
      queues: this.#routes.queueCount,
      loopDelayMs,
      loopUtilization: performance.eventLoopUtilization(this.#utilization, before).utilization,
      rings: this.#rings(),
      messageBytes: this.#messages.usedBytes,
      heapUsedBytes: process.memoryUsage().heapUsed,
      grpc: { ...this.#door.stats },
      jwtVerified: this.#authenticator.verifiedByName(),
    };
  }

  #rings(): ShardSnapshot['rings'] {
    const others = Array.from({ length: this.#data.shards }, (_, shard) => shard).filter(
      (shard) => shard !== this.#data.index,
    );
    return others.map((to) => ({ to, ...this.#mailbox.ring(to) }));
  }
}

/** Slabs are larger than this: they go back to the system when a deep queue has drained. */
const LARGE_BLOCK_BYTES = 256 * 1024;

/** The pool's task: runs a shard until main stops it. */
export async function shard(data: ShardData): Promise<void> {
  const helper = native ?? twins;
  helper.nameThread(`shard-${data.index}`);
  helper.mapLargeBlocks(LARGE_BLOCK_BYTES);
  if (data.pinThread) helper.pinThread(data.index % availableParallelism());
  const instance = new Shard(data);
  instance.start();
  await instance.stopped;
}
