import assert from 'node:assert/strict';
import { MessageChannel } from 'node:worker_threads';
import { startThreads, type Threads } from '../../src/thread/pool.ts';

const filename = new URL('./support/failing-tasks.ts', import.meta.url);

/** A task that lives beside one that fails; resolves with what was reported. */
function failureOf(name: string): {
  threads: Threads;
  failure: Promise<[string, number, Error]>;
  stopLiving: () => void;
} {
  const { port1, port2 } = new MessageChannel();
  let report: (failure: [string, number, Error]) => void = () => {};
  const failure = new Promise<[string, number, Error]>((resolve) => {
    report = resolve;
  });
  const threads = startThreads({
    filename,
    tasks: [
      { name: 'lives', data: { port: port2 }, transferList: [port2] },
      { name, data: {}, transferList: [] },
    ],
    onFailure: (...args) => report(args),
    heapMibMax: 64,
  });
  return { threads, failure, stopLiving: () => port1.postMessage('stop') };
}

describe('startThreads', function () {
  this.timeout(60_000);

  const table: readonly (readonly [string, RegExp])[] = [
    ['throwsLater', /thrown in the task/],
    ['throwsAside', /thrown aside/],
    ['exits', /./],
    ['returns', /ended before it was told to/],
    ['fills', /memory/i],
  ];
  for (const [name, text] of table) {
    it(`reports a thread that ${name} at once, with its name and index`, async () => {
      const { threads, failure } = failureOf(name);
      const [task, index, error] = await failure;
      assert.deepEqual([task, index], [name, 1]);
      assert.match(error.message, text);
      await threads.stop();
    });
  }

  it('reports nothing when the tasks end after expectEnd()', async () => {
    const { port1, port2 } = new MessageChannel();
    const failures: string[] = [];
    const threads = startThreads({
      filename,
      tasks: [{ name: 'lives', data: { port: port2 }, transferList: [port2] }],
      onFailure: (name) => failures.push(name),
    });
    threads.expectEnd();
    port1.postMessage('stop');
    await threads.stop();
    assert.deepEqual(failures, []);
  });
});
