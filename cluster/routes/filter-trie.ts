// Topic filters with wildcards, a level a step: `+` stands for one level, `#` for all that follow and for none.
// A topic that starts with `$` is met by no filter that starts with a wildcard [MQTT-4.7.2-1].
// Holds the origins of each filter. Exact filters are not here: a flat map takes a fifth of the memory.
import { NO_ORIGINS, type OriginSet } from './origin-sets.ts';

interface Level {
  readonly children: Map<string, Level>;
  /** Of the filter that ends here. */
  ends: OriginSet;
}

const newLevel = (): Level => ({ children: new Map(), ends: NO_ORIGINS });

export class FilterTrie {
  readonly #root = newLevel();
  /** Filters that have origins. */
  size = 0;

  get(filter: string): OriginSet {
    let level: Level | undefined = this.#root;
    for (const name of filter.split('/')) {
      level = level.children.get(name);
      if (level === undefined) return NO_ORIGINS;
    }
    return level.ends;
  }

  /** Sets the origins of a filter; with none the filter goes, and every level that leads to nothing else. */
  set(filter: string, origins: OriginSet): void {
    const path: [Level, string][] = [];
    let level = this.#root;
    for (const name of filter.split('/')) {
      path.push([level, name]);
      let child = level.children.get(name);
      if (child === undefined) {
        child = newLevel();
        level.children.set(name, child);
      }
      level = child;
    }
    this.size += (origins.length === 0 ? 0 : 1) - (level.ends.length === 0 ? 0 : 1);
    level.ends = origins;
    for (const [parent, name] of path.reverse()) {
      if (level.ends.length > 0 || level.children.size > 0) return;
      parent.children.delete(name);
      level = parent;
    }
  }

  /** Calls `visit` with the origins of each filter that meets the topic. */
  match(topic: string, visit: (origins: OriginSet) => void): void {
    if (this.size === 0) return;
    const names = topic.split('/');
    const first = topic.startsWith('$') ? 1 : 0;
    // Levels to look at and how many names led there: a list instead of recursion, whatever the depth.
    const levels: Level[] = [this.#root];
    const depths: number[] = [0];
    for (;;) {
      const level = levels.pop();
      const depth = depths.pop();
      if (level === undefined || depth === undefined) return;
      const wild = depth >= first;
      if (wild) emit(level.children.get('#'), visit);
      if (depth === names.length) {
        emit(level, visit);
        continue;
      }
      const exact = level.children.get(names[depth]);
      if (exact !== undefined && !isWild(names[depth])) push(exact);
      const plus = wild ? level.children.get('+') : undefined;
      if (plus !== undefined) push(plus);

      function push(next: Level): void {
        levels.push(next);
        depths.push((depth as number) + 1);
      }
    }
  }
}

/** A topic has no wildcards; a level that looks like one is met by wildcards alone. */
const isWild = (name: string): boolean => name === '+' || name === '#';

function emit(level: Level | undefined, visit: (origins: OriginSet) => void): void {
  if (level !== undefined && level.ends.length > 0) visit(level.ends);
}
