import assert from 'node:assert/strict';
import fc from 'fast-check';
import { GRPC_LIMITS } from '../../src/base/limits.ts';
import type { GrpcLimits } from '../../src/door/grpc-serving.ts';
import { GrpcStats } from '../../src/door/grpc-stats.ts';
import { type AccountedCall, ConnectionOutput, ShardOutput } from '../../src/door/output-account.ts';
import { until } from './echo.ts';

const LIMITS: GrpcLimits = {
  ...GRPC_LIMITS,
  outputShareBytes: 10,
  outputLowBytes: 20,
  outputHighBytes: 50,
  connectionOutputLowBytes: 100,
  connectionOutputHighBytes: 200,
  connectionOutputBytesMax: 400,
  shardOutputLowBytes: 500,
  shardOutputHighBytes: 1000,
  shardOutputBytesMax: 1400,
  outputGrantMs: 1,
};

/** A call that fetches `refill` bytes as soon as it is let on, as one does whose queue is on its own shard. */
class Call implements AccountedCall {
  pendingBytes = 0;
  burstBytes = 0;
  held = false;
  letOns = 0;
  refill = 0;
  readonly connection: ConnectionOutput;

  constructor(connection: ConnectionOutput) {
    this.connection = connection;
  }

  say(bytes: number): void {
    this.pendingBytes += bytes;
    this.connection.count(bytes);
    if (this.pendingBytes <= this.connection.holdAboveBytes || this.held) return;
    this.held = true;
    this.burstBytes = this.pendingBytes;
    this.connection.hold(this);
  }

  write(bytes = this.pendingBytes): void {
    this.pendingBytes -= bytes;
    this.connection.count(-bytes);
    if (this.held) this.connection.written(this);
  }

  close(): void {
    this.connection.forget(this);
    this.held = false;
    this.connection.count(-this.pendingBytes);
    this.pendingBytes = 0;
  }

  letOn(): void {
    this.held = false;
    this.letOns++;
    this.say(this.refill);
  }
}

describe('the account of output', () => {
  let stats: GrpcStats;
  let shard: ShardOutput;

  beforeEach(() => {
    stats = new GrpcStats();
    shard = new ShardOutput(LIMITS, stats);
  });

  const calls = (count: number, connection = new ConnectionOutput(shard)): Call[] =>
    Array.from({ length: count }, () => new Call(connection));
  const saying = (count: number, bytes: number): Call[] => {
    const made = calls(count);
    for (const call of made) call.say(bytes);
    return made;
  };
  const held = (all: readonly Call[]): number => all.filter((call) => call.held).length;

  it('lets a call alone until its own mark as long as nobody else has much to say', () => {
    const [call] = calls(1);
    call.say(50);
    assert.equal(call.held, false);
    call.say(1);
    assert.equal(call.held, true);
    call.write(31);
    assert.equal(call.letOns, 0, '20 bytes are not below the low mark');
    call.write(1);
    assert.equal(call.letOns, 1, 'at once');
    assert.equal(stats.outputBytes, 19);
  });

  it('holds calls above their share once their connection is above its mark, and no others', () => {
    const many = saying(5, 41);
    const [late] = calls(1, many[0].connection);
    const [other] = calls(1);
    late.say(10);
    other.say(50);
    assert.deepEqual([late.held, other.held], [false, false]);
    late.say(1);
    assert.equal(late.held, true);
    assert.equal(many[0].connection.overflowing, false);
  });

  it('lets a held call on that stays unread, when the rest of its connection has been read', async () => {
    const many = saying(12, 20);
    const stuck = many[11];
    assert.equal(stuck.held, true);
    stuck.write(5);
    assert.equal(stuck.letOns, 0, 'more than its share is left');
    for (const call of many.slice(0, 11)) call.write();
    await until(() => stuck.letOns === 1, 'the last call is let on');
    assert.equal(stats.outputBytes, 15);
  });

  it('lets calls that have drained on in turn, so that the sum stays below the maximum', async () => {
    const many = saying(7, 51);
    assert.equal(held(many), 7);
    for (const call of many) call.refill = 60;
    let most = 0;
    for (let round = 0; round < 20; round++) {
      for (const call of many) if (call.held && call.pendingBytes > 0) call.write();
      most = Math.max(most, stats.outputBytes);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.ok(most < LIMITS.connectionOutputBytesMax, `${most}`);
    await until(() => {
      for (const call of many) if (call.held && call.pendingBytes > 0) call.write();
      return many.every((call) => call.letOns > 1);
    }, 'each has had its turn');
  });

  it('counts what a call is likely to fetch before it has come', async () => {
    const many = calls(4);
    for (const call of many) {
      call.say(60);
      call.burstBytes = 290;
    }
    for (const call of many) call.write();
    assert.deepEqual(
      many.map(({ letOns }) => letOns),
      [1, 0, 0, 0],
      'one such burst and the three calls that are left are all there is room for',
    );
    many[0].say(140);
    await until(() => many[1].letOns === 1, 'the grant is void, and the next has its turn');
    assert.ok(many[3].letOns === 0 || many[2].letOns === 1, 'first come, first served');
    await until(() => many.every(({ letOns }) => letOns === 1), 'the others have theirs');
  });

  it('takes several connections at their limit to hold calls of another, which then get their turns', async () => {
    const bad = Array.from({ length: 6 }, () => saying(4, 50)).flat();
    assert.equal(stats.outputBytes, 1200, 'beyond what grants may fill');
    const good = saying(3, 11);
    assert.equal(held(good), 3);
    for (const call of good) call.write();
    await until(() => good.every(({ letOns }) => letOns === 1), 'each is let on, though nobody else reads');
    assert.equal(shard.overflowing, false);
    for (const call of bad) call.close();
    good[0].say(50);
    assert.equal(good[0].held, false, 'the sum is pressed no longer');
  });

  it('lets a held call on that stays unread, when other connections have been read', async () => {
    const bad = Array.from({ length: 6 }, () => saying(4, 50)).flat();
    const [stuck] = saying(1, 15);
    stuck.write(1);
    assert.equal(stuck.held, true);
    for (const call of bad) call.close();
    await until(() => stuck.letOns === 1, 'it is let on');
  });

  it('serves connections one after the other', async () => {
    const rest = Array.from({ length: 6 }, () => saying(4, 50)).flat();
    const first = saying(6, 11);
    const second = saying(2, 11);
    const order: string[] = [];
    for (const call of first) call.letOn = () => order.push('first');
    for (const call of second) call.letOn = () => order.push('second');
    for (const call of [...first, ...second]) call.write();
    await until(() => order.length === 8, 'all have had their turn');
    assert.deepEqual(order.slice(0, 4), ['first', 'second', 'first', 'second']);
    for (const call of rest) call.close();
    assert.equal(stats.outputBytes, 0);
  });

  it('says when a connection, or all of them, have more than the maximum', () => {
    const [call, ...others] = [...calls(1), ...Array.from({ length: 3 }, () => calls(1)).flat()];
    call.say(400);
    assert.equal(call.connection.overflowing, false);
    call.say(1);
    assert.equal(call.connection.overflowing, true);
    assert.equal(others[0].connection.overflowing, false);
    for (const other of others) other.say(334);
    assert.equal(others[0].connection.overflowing, true);
    call.close();
    assert.equal(others[0].connection.overflowing, false);
  });

  it('is exact and forgets nobody, whatever the calls do', async () => {
    const step = fc.record({
      call: fc.nat({ max: 29 }),
      does: fc.constantFrom('say', 'say', 'write', 'part', 'close'),
      bytes: fc.nat({ max: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 300 }), async (steps) => {
        stats = new GrpcStats();
        shard = new ShardOutput(LIMITS, stats);
        const all = [calls(10), calls(10), calls(10)].flat();
        for (const { call, does, bytes } of steps) {
          const one = all[call];
          one.refill = bytes;
          if (does === 'say') one.say(bytes);
          else if (does === 'write') one.write();
          else if (does === 'part') one.write(Math.min(bytes, one.pendingBytes));
          else one.close();
          assert.equal(
            stats.outputBytes,
            all.reduce((sum, { pendingBytes }) => sum + pendingBytes, 0),
          );
        }
        for (const one of all) one.refill = 0;
        for (const one of all) one.write();
        await until(() => held(all) === 0, 'every call is let on once everything has been read');
        assert.equal(stats.outputBytes, 0);
        for (const one of all) assert.equal(one.connection.bytes, 0);
      }),
      { numRuns: 50 },
    );
  });
});
