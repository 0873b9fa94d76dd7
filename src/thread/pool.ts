// Hosts the threads of a node as long-lived tasks of one Piscina pool: each task is a named export of the worker file,
// runs on a thread of its own, and settles only when main has told it to stop. Piscina would replace a thread that
// dies; a node with a queue's messages gone must not go on as if nothing had happened, so any end that was not asked
// for is reported at once and the node stops.
// Lives on: main.
import type { Transferable } from 'node:worker_threads';
import { Piscina } from 'piscina';

export interface ThreadTask {
  /** Export of the worker file. */
  readonly name: string;
  /** The file it is exported from, when it is not the pool's. */
  readonly filename?: URL;
  readonly data: unknown;
  readonly transferList: readonly Transferable[];
}

export interface ThreadsOptions {
  readonly filename: URL;
  readonly tasks: readonly ThreadTask[];
  /** A thread died, or its task ended before stop(). Called at most once a thread. */
  readonly onFailure: (name: string, index: number, error: Error) => void;
  /**
   * Heap of each thread, MiB; Node's own default when not given. A thread that comes to it is reported as any other
   * end; one that outruns it in a single burst may take the whole process with it, which then ends with SIGABRT.
   */
  readonly heapMibMax?: number;
}

/** The running threads. */
export interface Threads {
  /** The tasks are being told to stop: from now on an end is no failure. */
  expectEnd(): void;
  /** Ends all threads. */
  stop(): Promise<void>;
}

/** Starts one thread for each task. */
export function startThreads(options: ThreadsOptions): Threads {
  const { tasks } = options;
  const pool = new Piscina({
    filename: options.filename.href,
    minThreads: tasks.length,
    maxThreads: tasks.length,
    concurrentTasksPerWorker: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    // A long-lived task needs its event loop: Piscina must not block the thread in Atomics.wait between tasks.
    atomics: 'disabled',
    recordTiming: false,
    ...(options.heapMibMax === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: options.heapMibMax } }),
  });
  let stopping = false;
  const settled = tasks.map(async (task, index) => {
    try {
      const file = task.filename === undefined ? {} : { filename: task.filename.href };
      await pool.run(task.data, { name: task.name, ...file, transferList: [...task.transferList] as never });
      if (!stopping) throw new Error('The thread ended before it was told to');
    } catch (error) {
      if (!stopping) options.onFailure(task.name, index, error instanceof Error ? error : new Error(String(error)));
    }
  });
  const expectEnd = (): void => {
    stopping = true;
  };
  return {
    expectEnd,
    async stop() {
      expectEnd();
      await pool.destroy();
      await Promise.all(settled);
    },
  };
}
