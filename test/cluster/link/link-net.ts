// What tests of the links share: records to post, a handler that writes down what it hears, a proxy that cuts and
// stalls, and waiting without sleeping for a fixed time.
import net from 'node:net';
import type { LinkAuth } from '../../../cluster/link/auth.ts';
import type { LinkPeer } from '../../../cluster/link/handshake.ts';
import type { LinkHandler, PeerBatch } from '../../../cluster/link/link-handler.ts';
import { PeerLinks } from '../../../cluster/link/peer-links.ts';
import { alignedSize, RECORD_HEADER_BYTES, RecordMemory, WORD_BODY_SIZE } from '../../../src/core/record.ts';

export const LOOPBACK = '127.0.0.1';

/** A record at offset 0 whose body is so large, and whose publish time is `mark`. */
export function recordOf(bodyBytes: number, mark = 0): RecordMemory {
  const size = alignedSize(RECORD_HEADER_BYTES + bodyBytes);
  const memory = new RecordMemory(new ArrayBuffer(size));
  memory.words[0] = size;
  memory.words[WORD_BODY_SIZE] = bodyBytes;
  memory.doubles[1] = mark;
  return memory;
}

/** Polls until the condition holds; fails with `what` after ten seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`Waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** One node of a test: its links, and all that they told. */
export class TestNode {
  readonly links: PeerLinks;
  readonly ups: string[] = [];
  readonly downs: string[] = [];
  readonly refused: string[] = [];
  readonly lost: string[] = [];
  readonly control: { from: string; message: unknown }[] = [];
  /** Word `a` of every envelope, in the order they came. */
  readonly received: number[] = [];
  /** Batches that were not taken, when `takes` is false. */
  readonly waiting: PeerBatch[] = [];
  rooms = 0;
  takes = true;
  port = 0;

  constructor(options: {
    nodeId: string;
    incarnation?: number;
    cluster?: string;
    auth?: LinkAuth;
    windowBytes?: number;
  }) {
    const { nodeId, incarnation = 1, cluster = 'test', auth = {} } = options;
    this.links = new PeerLinks({
      self: { cluster, nodeId, incarnation },
      listen: { host: LOOPBACK, port: 0 },
      auth,
      handler: this.#handler(),
      ...(options.windowBytes === undefined ? {} : { windowBytes: options.windowBytes }),
    });
  }

  async start(): Promise<number> {
    this.port = await this.links.start();
    return this.port;
  }

  take(batch: PeerBatch): void {
    batch.visit((_operation, _target, a) => this.received.push(a));
    batch.take();
  }

  #handler(): LinkHandler {
    const named = (peer: LinkPeer, link: string): string => `${peer.nodeId}/${peer.incarnation} ${link}`;
    return {
      onUp: (peer, link) => this.ups.push(named(peer, link)),
      onDown: (peer, link) => this.downs.push(named(peer, link)),
      onControl: (peer, message) => this.control.push({ from: peer.nodeId, message }),
      onBatch: (_peer, batch) => {
        if (this.takes) this.take(batch);
        else this.waiting.push(batch);
      },
      onRoom: () => {
        this.rooms++;
      },
      onLost: (nodeId, lost) => this.lost.push(`${nodeId}/${lost.incarnation} ${lost.envelopes}`),
      onRefused: (_address, code, reason) => this.refused.push(`${code}: ${reason}`),
    };
  }
}

/** Two nodes that are linked both ways, `a` and `b`; `b` is reached at `port` when that is given. */
export async function linked(a: TestNode, b: TestNode, port?: number): Promise<void> {
  await a.start();
  if (b.port === 0) await b.start();
  a.links.addPeer('b', { host: LOOPBACK, port: port ?? b.port });
  await until('both links on both sides', () => isLinked(a, 'b') && isLinked(b, 'a'));
}

export function isLinked(node: TestNode, peer: string): boolean {
  const figures = node.links.figures(peer);
  return figures?.control === true && figures.bulk;
}

/** A TCP proxy that can cut all its connections, or stop reading from one side. */
export class CuttingProxy {
  readonly #server: net.Server;
  readonly #pairs = new Set<readonly [net.Socket, net.Socket]>();
  bytes = 0;
  cuts = 0;

  constructor(targetPort: () => number) {
    this.#server = net.createServer((near) => {
      const far = net.connect(targetPort(), LOOPBACK);
      const pair = [near, far] as const;
      this.#pairs.add(pair);
      this.#pipe(near, far, pair);
      this.#pipe(far, near, pair);
    });
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, LOOPBACK, resolve));
    return (this.#server.address() as net.AddressInfo).port;
  }

  cut(): void {
    this.cuts++;
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** Reads no more from anyone: a peer that hangs. */
  stall(): void {
    for (const [near, far] of this.#pairs) {
      near.pause();
      far.pause();
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #pipe(from: net.Socket, to: net.Socket, pair: readonly [net.Socket, net.Socket]): void {
    from.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      to.destroy();
      this.#pairs.delete(pair);
    });
  }
}
