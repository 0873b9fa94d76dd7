// Durations as people write them: a number of seconds, a table of units as hsmq has it ({ h = 1, m = 30 }), or text
// like "1h30m" where there is only text (environment, flags). Everything becomes whole milliseconds; pure.
// Lives on: any thread. Called by: config, cli.

const UNITS_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

type Unit = keyof typeof UNITS_MS;

/** The names of the units, largest first. */
export const DURATION_UNITS = Object.keys(UNITS_MS) as readonly Unit[];

/** A hundred years: longer is a mistake in the unit. It is also far below where milliseconds lose their exactness. */
export const DURATION_MS_MAX = 36_500 * UNITS_MS.d;

const PART = /(\d+(?:\.\d+)?)\s*(ms|[dhms])/y;

/** Milliseconds of seconds (a number) or a table of units, whose parts add up; undefined when it is neither. */
export function durationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return wholeMs(value * UNITS_MS.s);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Date) return undefined;
  const parts = Object.entries(value);
  if (parts.length === 0) return undefined;
  let sumMs = 0;
  for (const [unit, count] of parts) {
    if (!Object.hasOwn(UNITS_MS, unit) || typeof count !== 'number' || !(count >= 0)) return undefined;
    sumMs += count * UNITS_MS[unit as Unit];
  }
  return wholeMs(sumMs);
}

/** Of text: seconds ("1.5"), or parts with their units ("1h30m", "250 ms"); undefined when it is neither. */
export function durationTextMs(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return wholeMs(Number(trimmed) * UNITS_MS.s);
  let sumMs = 0;
  let at = 0;
  while (at < trimmed.length) {
    PART.lastIndex = at;
    const part = PART.exec(trimmed);
    if (part === null) return undefined;
    sumMs += Number(part[1]) * UNITS_MS[part[2] as Unit];
    at = PART.lastIndex;
    while (trimmed[at] === ' ') at++;
  }
  return at === 0 ? undefined : wholeMs(sumMs);
}

/** Text that durationTextMs() reads back, in the largest units that fit: "1h30m", "250ms", "0s". */
export function formatDuration(ms: number): string {
  let rest = Math.round(ms);
  if (rest === 0) return '0s';
  let text = '';
  for (const unit of DURATION_UNITS) {
    const count = Math.floor(rest / UNITS_MS[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * UNITS_MS[unit];
  }
  return text;
}

/** What is more than nothing stays at least a millisecond, because 0 switches things off. */
function wholeMs(ms: number): number | undefined {
  if (!(ms >= 0 && ms <= DURATION_MS_MAX)) return undefined;
  return ms === 0 ? 0 : Math.max(1, Math.round(ms));
}
