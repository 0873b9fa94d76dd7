import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
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

  // In a process of their own: V8 ends the whole process when a thread outruns the limit of its heap.
  const heap = (task: string): { status: number | null; signal: string | null; stdout: string } => {
    const file = fileURLToPath(new URL('./support/heap-main.ts', import.meta.url));
    return spawnSync(process.execPath, [file, task], { encoding: 'utf8', timeout: 50_000 });
  };

  it('reports a thread that leaks its heap full', () => {
    const { status, stdout } = heap('leaks');
    assert.equal(status, 7);
    assert.match(stdout, /^leaks 1: .*memory/i);
  });

  it('reports a thread that bursts its heap, or the process ends with it: nothing goes on half-dead', () => {
    const { status, signal, stdout } = heap('fills');
    if (status === 7) assert.match(stdout, /^fills 1: .*memory/i);
    else assert.ok(signal === 'SIGABRT' || status === 134, `status ${status}, signal ${signal}`);
  });

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
