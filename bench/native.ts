// What the native helper's batched send brings beside its twin and beside socket.write, for one small message to each
// of many sockets. (Its doorbell is in the ring scenario.)
import { connect, createServer, type Server, type Socket } from 'node:net';
import { native } from '../native/index.ts';
import { type NativeFunctions, twins } from '../native/twins.ts';
import { median } from './report.ts';
import type { Measured, Row, Scenario, Size } from './scenario.ts';

const EFFORT = {
  tiny: { sockets: 20, rounds: 5 },
  full: { sockets: 1000, rounds: 200 },
} as const satisfies Readonly<Record<Size, object>>;
const MESSAGE_BYTES = 72;

interface Sockets {
  readonly server: Server;
  readonly writers: Socket[];
  readonly readers: Socket[];
}

/** So many connected pairs on the loopback; what arrives is dropped. */
async function connectAll(count: number): Promise<Sockets> {
  const writers: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => writers.push(socket)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const readers: Socket[] = [];
  for (let index = 0; index < count; index++) {
    const reader = connect(port, '127.0.0.1');
    await new Promise((resolve) => reader.once('connect', resolve));
    readers.push(reader.resume());
  }
  while (writers.length < count) await new Promise((resolve) => setImmediate(resolve));
  return { server, writers, readers };
}

/** Microseconds for one message to each socket, the median over the rounds. */
async function timeOf(rounds: number, send: () => void): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = performance.now();
    send();
    costs.push((performance.now() - before) * 1000);
    // The readers' turn: what was sent is taken before the next round, so that no socket fills.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return median(costs);
}

export const nativeScenario: Scenario = {
  name: 'native',
  summary: 'one 72 B message to each of 1,000 sockets: batched native send, its twin, socket.write',
  async run(size) {
    const { sockets: count, rounds } = EFFORT[size];
    const sockets = await connectAll(count);
    const message = Buffer.alloc(MESSAGE_BYTES, 'x');
    const bytes = Buffer.alloc(MESSAGE_BYTES * count, 'x');
    const fds = Int32Array.from(
      sockets.writers,
      (socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd,
    );
    const ends = Int32Array.from({ length: count }, (_, index) => (index + 1) * MESSAGE_BYTES);
    const results = new Int32Array(count);
    const batch = (functions: NativeFunctions) => () => functions.sendBatch(fds, bytes, ends, results);
    const writes = await timeOf(rounds, () => {
      for (const socket of sockets.writers) socket.write(message);
    });
    const twin = await timeOf(rounds, batch(twins));
    const helper = native === undefined ? undefined : await timeOf(rounds, batch(native));
    for (const socket of [...sockets.writers, ...sockets.readers]) socket.destroy();
    await new Promise((resolve) => sockets.server.close(resolve));
    const rows: Row[] = [
      { form: 'socket.write', 'us a socket': writes / count },
      { form: 'sendBatch, twin', 'us a socket': twin / count },
    ];
    if (helper !== undefined) rows.push({ form: 'sendBatch, native', 'us a socket': helper / count });
    const ratios: Record<string, number> =
      helper === undefined ? {} : { 'socket.write : native': writes / helper, 'twin : native': twin / helper };
    return { rows, ratios, hash: `${count}x${MESSAGE_BYTES}` } satisfies Measured;
  },
};
