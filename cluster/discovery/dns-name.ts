// Names as DNS has them: what may be asked for, what counts as equal, and what a short name may stand for. Pure.
// Called by: dns-message.ts, dns-resolver.ts, dns-discovery.ts.

const NAME_BYTES_MAX = 253;
/** Letters, digits, `-` and the `_` of services; no dots inside labels, no control characters, no other alphabets. */
const NAME = /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/i;

export function isDnsName(name: string): boolean {
  const plain = withoutLastDot(name);
  return plain.length <= NAME_BYTES_MAX && NAME.test(plain);
}

/** The form in which names are compared. */
export function canonicalName(name: string): string {
  return withoutLastDot(name).toLowerCase();
}

/**
 * Full names to ask for, in turn: a name with fewer dots than `ndots` is meant within a search domain, and any other as
 * it stands, but each may be meant the other way. A dot at the end says that the name is complete.
 */
export function candidateNames(name: string, options: { search: readonly string[]; ndots: number }): string[] {
  const plain = canonicalName(name);
  if (name.endsWith('.')) return [plain];
  const within = options.search.map((domain) => canonicalName(`${plain}.${domain}`)).filter(isDnsName);
  const dots = plain.split('.').length - 1;
  return [...new Set(dots >= options.ndots ? [plain, ...within] : [...within, plain])];
}

function withoutLastDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
