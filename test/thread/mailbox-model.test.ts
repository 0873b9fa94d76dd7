import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { RING_CHUNK_BYTES_MAX } from '../../src/base/limits.ts';
import { createMesh, Mailbox } from '../../src/thread/mailbox.ts';
import type { SharedBytes } from '../../src/thread/ring.ts';
import { until } from '../e2e/support/until.ts';

const THREADS = 3;
const buffer = new ArrayBuffer(3 * RING_CHUNK_BYTES_MAX);
const scratch: SharedBytes = {
  bytes: Buffer.from(buffer),
  words: new Int32Array(buffer),
  doubles: new Float64Array(buffer),
};

const place = { from: fc.nat(THREADS - 1), to: fc.nat(THREADS - 2) };
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('post' as const), ...place }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      ...place,
      // In units of 8 bytes: small ones, and those around one, two and three parts.
      units: fc.oneof(
        fc.integer({ min: 1, max: 40 }),
        fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: -2, max: 2 })).map(([parts, off]) => {
          const units = (parts * RING_CHUNK_BYTES_MAX) / 8 + off;
          return Math.min(units, (3 * RING_CHUNK_BYTES_MAX) / 8);
        }),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('burst' as const), ...place, units: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const), ...place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('turn' as const), ...place }) },
);

/** Mailboxes of one mesh on this thread, with what each posted and got, by the pair of threads. */
class Model {
  readonly posted: string[][] = Array.from({ length: THREADS * THREADS }, () => []);
  readonly got: string[][] = Array.from({ length: THREADS * THREADS }, () => []);
  readonly mailboxes: Mailbox[];
  #number = 0;

  constructor() {
    const mesh = createMesh(THREADS);
    this.mailboxes = Array.from({ length: THREADS }, (_, self) => {
      const handler = {
        receive: (
          from: number,
          operation: number,
          target: number,
          a: number,
          b: number,
          c: number,
          d: number,
          e: number,
          memory: SharedBytes,
          offset: number,
        ) => {
          const size = offset < 0 ? 0 : memory.words[offset >> 2];
          const last = size > 4 ? memory.words[(offset + size - 4) >> 2] : 0;
          this.got[from * THREADS + self].push([operation, target, a, b, c, d, e, size, last].join());
        },
        room: () => {},
      };
      return new Mailbox({ self, mesh, handler });
    });
  }

  post(from: number, to: number, bytes: number): void {
    const number = this.#number++;
    const mailbox = this.mailboxes[from];
    this.posted[from * THREADS + to].push([number & 0xffff, number, -1, 2, -3, 4, -5, bytes, bytes && number].join());
    if (bytes === 0) {
      mailbox.post(to, number & 0xffff, number, -1, 2, -3, 4, -5);
      return;
    }
    scratch.words[(bytes >> 2) - 1] = number;
    scratch.words[0] = bytes;
    mailbox.postRecord(to, number & 0xffff, number, -1, 2, -3, 4, -5, scratch, 0);
  }

  /** Small envelopes, with a large one among them now and then that has no room where the small ones still have. */
  burst(from: number, to: number, count: number): void {
    for (let index = 0; index < count; index++) {
      this.post(from, to, index % 128 === 0 ? RING_CHUNK_BYTES_MAX : (index % 64) & ~7);
    }
  }

  check(): void {
    this.got.forEach((list, pair) => {
      assert.deepEqual(list, this.posted[pair].slice(0, list.length), 'what came is what was posted first');
    });
  }

  async end(): Promise<void> {
    for (const mailbox of this.mailboxes) mailbox.flush();
    await until(() => this.got.every((list, pair) => list.length === this.posted[pair].length));
    this.check();
    this.mailboxes.forEach((mailbox, self) => {
      for (let peer = 0; peer < THREADS; peer++) {
        if (peer === self) continue;
        const { overflowBytes, usedBytes } = mailbox.ring(peer);
        assert.deepEqual({ overflowBytes, usedBytes }, { overflowBytes: 0, usedBytes: 0 });
        assert.ok(mailbox.hasRoom(peer));
      }
    });
    for (const mailbox of this.mailboxes) mailbox.stop();
  }
}

describe('Mailbox against a model', function () {
  this.timeout(60_000);

  it('each pair of threads is a queue: what was posted comes, whole, in order, and nothing is left', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.nat(80), async (steps, startAt) => {
        const model = new Model();
        for (const [index, { kind, from, to: other, ...rest }] of steps.entries()) {
          // Rings fill up before anybody listens, too.
          if (index === startAt) for (const mailbox of model.mailboxes) mailbox.start();
          const to = other + Number(other >= from);
          const units = 'units' in rest ? rest.units : 0;
          if (kind === 'post') model.post(from, to, 0);
          else if (kind === 'record') model.post(from, to, units * 8);
          else if (kind === 'burst') model.burst(from, to, units * 40);
          else if (kind === 'flush') model.mailboxes[from].flush();
          else await turn();
          model.check();
        }
        if (startAt >= steps.length) for (const mailbox of model.mailboxes) mailbox.start();
        await model.end();
      }),
      { numRuns: 60 * Number(process.env.RINGMQ_TEST_SCALE ?? 1) },
    );
  });
});
