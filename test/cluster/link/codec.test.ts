import assert from 'node:assert/strict';
import fc from 'fast-check';
import { batchFault, ENVELOPE_BYTES, forEachEnvelope, OutgoingBatch } from '../../../cluster/link/batch.ts';
import { BatchPool } from '../../../cluster/link/batch-pool.ts';
import { packControl, unpackControl } from '../../../cluster/link/control-codec.ts';
import { allocateFrame, doublesFrame, FRAME_HEAD_BYTES, FrameType, TAG_BYTES } from '../../../cluster/link/frame.ts';
import { FrameDecoder } from '../../../cluster/link/frame-decoder.ts';
import { LinkError } from '../../../cluster/link/link-error.ts';
import { FrameOpener, FrameSealer } from '../../../cluster/link/seal.ts';
import type { RecordMemory } from '../../../src/core/record.ts';
import { ENVELOPE_BYTES as RING_ENVELOPE_BYTES } from '../../../src/thread/ring-layout.ts';
import { recordOf } from './link-net.ts';

const KEY = Buffer.alloc(32, 7);

interface Read {
  readonly types: number[];
  readonly batches: { memory: RecordMemory; bytes: number }[];
  readonly decoder: FrameDecoder;
}

function reader(opener?: FrameOpener): Read {
  const types: number[] = [];
  const batches: { memory: RecordMemory; bytes: number }[] = [];
  const sink = {
    frame: (type: number): unknown => types.push(type),
    batch: (memory: RecordMemory, bytes: number): unknown => batches.push({ memory, bytes }),
  };
  const decoder = new FrameDecoder(sink, new BatchPool());
  decoder.establish('bulk', opener);
  return { types, batches, decoder };
}

function batchOf(number: number, bodies: readonly number[]): OutgoingBatch {
  const batch = new OutgoingBatch(64 * 1024);
  for (const body of bodies) batch.append(1, 2, body, 3, 4, 5, 6, recordOf(body, body), body === 0 ? -1 : 0);
  batch.number = number;
  return batch;
}

function bulkFrames(tagBytes: number): Buffer[] {
  return [
    doublesFrame(FrameType.open, [1, 1], tagBytes),
    batchOf(1, [10, 0, 1000]).frame(tagBytes),
    doublesFrame(FrameType.ping, [12.5], tagBytes),
    batchOf(2, [40_000]).frame(tagBytes),
    doublesFrame(FrameType.ack, [2, 9], tagBytes),
  ];
}

/** Anything but a LinkError is a fault of ours. */
function pushHostile(decoder: FrameDecoder, bytes: Buffer): boolean {
  try {
    decoder.push(bytes);
    return true;
  } catch (error) {
    assert.ok(error instanceof LinkError, String(error));
    return false;
  }
}

describe('frames of a link', () => {
  it('have envelopes of the same size as the rings', () => {
    assert.equal(ENVELOPE_BYTES, RING_ENVELOPE_BYTES);
  });

  it('are the same however the bytes are split, with and without tags', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1 }), (sealed, cuts) => {
        const frames = bulkFrames(sealed ? TAG_BYTES : 0);
        const sealer = new FrameSealer(KEY);
        if (sealed) for (const frame of frames) sealer.seal(frame);
        const bytes = Buffer.concat(frames);
        const { decoder, types, batches } = reader(sealed ? new FrameOpener(KEY) : undefined);
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = cuts[turn % cuts.length];
          decoder.push(bytes.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(types, [FrameType.open, FrameType.ping, FrameType.ack]);
        const marks: number[] = [];
        for (const { memory, bytes: size } of batches) {
          assert.equal(batchFault(memory, size), undefined);
          const batch = { number: memory.doubles[0], count: memory.words[2], bytes: size, memory };
          forEachEnvelope(batch, (_operation, _target, a, _b, _c, _d, _e, at, offset) => {
            marks.push(a);
            if (offset >= 0) assert.equal(at.doubles[(offset >> 3) + 1], a);
          });
        }
        assert.deepEqual(marks, [10, 0, 1000, 40_000]);
        assert.equal(decoder.heldBytes, 0);
      }),
      { numRuns: 50 },
    );
  });

  it('end the link when a byte of a tagged one is changed, and keep no more than one frame', () => {
    const size = bulkFrames(TAG_BYTES).reduce((sum, frame) => sum + frame.length, 0);
    fc.assert(
      fc.property(fc.nat(size - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const frames = bulkFrames(TAG_BYTES);
        const sealer = new FrameSealer(KEY);
        for (const frame of frames) sealer.seal(frame);
        const bytes = Buffer.concat(frames);
        bytes[at] ^= flip;
        const { decoder, types, batches } = reader(new FrameOpener(KEY));
        const whole = pushHostile(decoder, bytes);
        // A changed length may make the decoder wait for bytes that never come; it never makes it accept.
        assert.ok(!whole || decoder.heldBytes > 0);
        assert.ok(types.length + batches.length < 5);
      }),
      { numRuns: 300 },
    );
  });

  it('are refused by their head when they are too large, before memory is taken', () => {
    for (const type of [FrameType.batch, FrameType.control, FrameType.ack, 99, 0]) {
      const { decoder } = reader();
      const head = allocateFrame(type, 0, 0);
      head.writeUInt32LE(0xffff_ffff, 0);
      assert.throws(() => decoder.push(head), { code: 'bad-frame' });
      assert.equal(decoder.heldBytes, FRAME_HEAD_BYTES);
    }
  });

  it('of random bytes end the link and crash nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        pushHostile(reader().decoder, Buffer.from(bytes));
        pushHostile(reader(new FrameOpener(KEY)).decoder, Buffer.from(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  it('that are replayed, left out, swapped or sent back have a wrong tag', () => {
    const sealer = new FrameSealer(KEY);
    const frames = bulkFrames(TAG_BYTES);
    for (const frame of frames) sealer.seal(frame);
    const [one, two, three] = frames;
    for (const order of [[one, one], [two], [one, three]]) {
      assert.throws(() => reader(new FrameOpener(KEY)).decoder.push(Buffer.concat(order)), { code: 'bad-tag' });
    }
    const back = new FrameOpener(Buffer.alloc(32, 8));
    assert.throws(() => reader(back).decoder.push(one), { code: 'bad-tag' });
  });

  it('that are batches with a wrong inside are named', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.integer(), (word, value) => {
        const frame = batchOf(1, [100, 0]).frame(0);
        frame.writeInt32LE(value, FRAME_HEAD_BYTES + word * 4);
        const { decoder, batches } = reader();
        if (!pushHostile(decoder, frame)) return;
        for (const { memory, bytes } of batches) {
          if (batchFault(memory, bytes) !== undefined) continue;
          const batch = { number: 1, count: memory.words[2], bytes, memory };
          forEachEnvelope(batch, (_operation, _target, _a, _b, _c, _d, _e, _memory, offset) => {
            assert.ok(offset < bytes);
          });
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('control messages', () => {
  it('come out as they went in', () => {
    // A key named __proto__ is renamed by the decoder, so that it sets no prototype.
    const value = fc.jsonValue({ maxDepth: 5 }).filter((json) => !JSON.stringify(json).includes('__proto__'));
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), value), (message) => {
        const plain = JSON.parse(JSON.stringify(message));
        assert.deepEqual(JSON.parse(JSON.stringify(unpackControl(packControl(plain)))), plain);
      }),
      { numRuns: 300 },
    );
  });

  it('that count more than they hold, nest too deep, or define types are refused', () => {
    const hostile = [
      [0xdd, 0x01, 0xff, 0xff, 0xff],
      [0xdf, 0x7f, 0xff, 0xff, 0xff],
      [0xc6, 0xff, 0xff, 0xff, 0xff],
      new Array(5_000).fill(0x91),
      [0x81, 0xa1, 0x61, 0xd4, 0x72, 0x40],
      [0xc1],
      [],
      [0x80, 0x80],
      [0x90],
      [0xc0],
    ];
    for (const bytes of hostile) assert.throws(() => unpackControl(Buffer.from(bytes)), { code: 'bad-frame' });
  });

  it('of random bytes are refused or read, and crash nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          unpackControl(Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof LinkError, String(error));
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
