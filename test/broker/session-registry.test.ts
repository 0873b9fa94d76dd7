import assert from 'node:assert/strict';
import { SessionRegistry } from '../../src/broker/session-registry.ts';
import type { SessionSink } from '../../src/core/broker-port.ts';
import { fakeQueue } from '../session/fakes.ts';

const sink = {} as SessionSink;

describe('SessionRegistry', () => {
  it('does not find a session by the number of its predecessor in the slot', () => {
    const registry = new SessionRegistry();
    const first = registry.add(sink);
    registry.remove(first);
    const second = registry.add(sink);
    assert.notEqual(first, second);
    assert.equal(registry.get(first), undefined);
    assert.equal(registry.get(second), sink);
    assert.deepEqual([...registry.remove(first)], []);
    assert.equal(registry.count, 1);
  });

  it('keeps numbers within 31 bits through many generations', () => {
    const registry = new SessionRegistry();
    for (let round = 0; round < 5000; round++) {
      const number = registry.add(sink);
      assert.ok(number >= 0 && number < 2 ** 31);
      registry.remove(number);
    }
  });

  it('names the queues a session used when it goes, and the users of a queue', () => {
    const registry = new SessionRegistry();
    const queue = fakeQueue('q');
    const number = registry.add(sink);
    registry.add({} as SessionSink);
    registry.uses(number, queue);
    registry.uses(number, queue);
    assert.deepEqual([...registry.remove(number)], [queue]);
    assert.deepEqual(registry.forget(queue), []);
  });

  it('names the users of a queue that is deleted, and keeps nothing of it', () => {
    const registry = new SessionRegistry();
    const queue = fakeQueue('q');
    const number = registry.add(sink);
    registry.add({} as SessionSink);
    registry.uses(number, queue);
    assert.deepEqual(registry.forget(queue), [sink]);
    assert.deepEqual(registry.forget(queue), []);
    assert.deepEqual([...registry.remove(number)], []);
  });
});
