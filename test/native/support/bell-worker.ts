// Makes a doorbell, tells its number, and tells when it is rung.
import { parentPort } from 'node:worker_threads';
import { native } from '../../../native/index.ts';

parentPort?.on('message', () => {});
parentPort?.postMessage(native?.createDoorbell(() => parentPort?.postMessage('rung')));
