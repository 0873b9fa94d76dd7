// A process of two threads, one of which fills its heap in the way that its argument names. Tells what was reported.
import { startThreads } from '../../../src/thread/pool.ts';

const threads = startThreads({
  filename: new URL('./failing-tasks.ts', import.meta.url),
  tasks: [
    { name: 'waits', data: {}, transferList: [] },
    { name: process.argv[2], data: {}, transferList: [] },
  ],
  onFailure: (name, index, error) => {
    console.log(`${name} ${index}: ${error.message}`);
    process.exitCode = 7;
    void threads.stop();
  },
  heapMibMax: 64,
});
