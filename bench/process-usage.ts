// CPU time and memory of another process, as Linux tells them in /proc. Elsewhere they are unknown (undefined), and the
// reports leave them out.
import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of all threads of a process, microseconds. */
export function cpuTimeUs(pid: number): number | undefined {
  try {
    let ns = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
    }
    return ns / 1000;
  } catch {
    return undefined;
  }
}

/** Resident memory of a process, bytes. */
export function residentBytes(pid: number): number | undefined {
  try {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return line === null ? undefined : Number(line[1]) * 1024;
  } catch {
    return undefined;
  }
}
