import assert from 'node:assert/strict';
import { DedupWindow } from '../../src/core/dedup-window.ts';
import { RecordMemory } from '../../src/core/record.ts';
import { writeRecord } from './queue-fixture.ts';

describe('DedupWindow', () => {
  const memory = new RecordMemory(new ArrayBuffer(1024));
  const record = (dedup: string): RecordMemory => {
    writeRecord(memory, { id: 1, dedup });
    return memory;
  };

  it('knows an id until its window is over', () => {
    const window = new DedupWindow(100);
    window.add(record('a'), 0, 1000);
    assert.equal(window.has(record('a'), 0, 1099), true);
    assert.equal(window.has(record('b'), 0, 1099), false);
    assert.equal(window.has(record('a'), 0, 1100), false);
  });

  it('tells ids apart by their bytes', () => {
    const window = new DedupWindow(100);
    const ids = ['é', 'e', 'Ã©', '\u0000', '\u0000\u0000', 'id '.repeat(40)];
    for (const id of ids) {
      assert.equal(window.has(record(id), 0, 1000), false, id);
      window.add(record(id), 0, 1000);
    }
    assert.equal(window.count, ids.length);
  });

  it('forgets the oldest first, as many as asked, and says when to come again', () => {
    const window = new DedupWindow(100);
    for (let nowMs = 0; nowMs < 10; nowMs++) window.add(record(`id ${nowMs}`), 0, nowMs);
    window.add(record('id 0'), 0, 10);
    assert.equal(window.prune(103, 2), 103);
    assert.equal(window.prune(103, 100), 104);
    assert.equal(window.count, 7);
    assert.equal(window.prune(109, 100), 110);
    assert.equal(window.has(record('id 0'), 0, 109), true);
    assert.equal(window.prune(110, 100), Number.POSITIVE_INFINITY);
    window.add(record('id 0'), 0, 200);
    assert.equal(window.prune(299, 100), 300);
    assert.equal(window.prune(300, 100), Number.POSITIVE_INFINITY);
    assert.equal(window.count, 0);
  });

  it('forgets an id whose message was given up', () => {
    const window = new DedupWindow(100);
    window.add(record('a'), 0, 0);
    window.add(record('b'), 0, 1);
    window.forget(record('a'), 0);
    assert.equal(window.has(record('a'), 0, 50), false);
    assert.equal(window.prune(50, 10), 101);
  });

  it('forgets the oldest early when there are too many', () => {
    const window = new DedupWindow(100, 3);
    for (const id of ['a', 'b', 'c', 'a', 'd']) window.add(record(id), 0, 0);
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((id) => window.has(record(id), 0, 50)),
      [true, false, true, true],
    );
    assert.equal(window.forgottenEarly, 1);
  });
});
