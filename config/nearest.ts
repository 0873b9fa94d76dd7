// "Did you mean": the known name that is nearest to a misspelled one.
// Lives on: main. Called by: the readers of TOML and environment.
import { distance } from 'fastest-levenshtein';

/** Undefined when none is near enough to be what was meant. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 4)) + 1;
  for (const candidate of known) {
    const away = distance(name.toLowerCase(), candidate);
    if (away >= bestDistance) continue;
    best = candidate;
    bestDistance = away;
  }
  return best;
}

/** The same for a dotted path; a last part that is known in another section is what was meant, too. */
export function nearestPath(path: string, known: readonly string[]): string | undefined {
  const near = nearest(path, known);
  if (near !== undefined) return near;
  const last = path.slice(path.lastIndexOf('.') + 1);
  const lasts = new Map(known.map((candidate) => [candidate.slice(candidate.lastIndexOf('.') + 1), candidate]));
  return lasts.get(nearest(last, lasts.keys()) ?? '');
}
