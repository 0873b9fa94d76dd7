// Names and pins its own thread and tells what the system says of it.
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { native } from '../../../native/index.ts';

native?.nameThread('ringmq-test');
native?.pinThread(0);
const status = readFileSync('/proc/thread-self/status', 'utf8');
const cores = /Cpus_allowed_list:\s*(\S+)/.exec(status)?.[1];
parentPort?.postMessage({ name: readFileSync('/proc/thread-self/comm', 'utf8').trim(), cores });
