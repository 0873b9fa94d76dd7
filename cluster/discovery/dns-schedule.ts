// When names are asked for again: when what is known expires, within bounds, and after failures more and more rarely,
// at random, so that nodes that lost their nameserver together do not come back to it together. Pure.
// Called by: dns-discovery.ts.
import { DISCOVERY_LIMITS } from '../limits.ts';

const { refreshMsMin, refreshMsMax } = DISCOVERY_LIMITS;

/** After an answer that holds for `ttlS`; undefined = it did not say. */
export function refreshDelayMs(ttlS: number | undefined): number {
  return Math.min(Math.max((ttlS ?? 0) * 1000, refreshMsMin), refreshMsMax);
}

/** After `failures` in a row, one at least. `random` is in [0, 1). */
export function failureDelayMs(failures: number, random: number): number {
  const full = Math.min(refreshMsMin * 2 ** Math.min(failures - 1, 16), refreshMsMax);
  return Math.max(full * (1 - random / 2), refreshMsMin);
}
