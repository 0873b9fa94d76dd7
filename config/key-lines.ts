// On which line of a TOML file a key stands, for error texts: the parser itself says that of syntax errors alone.
// A scan of headers and keys, not a parser: it runs on text that has been parsed, so it need not judge it. Pure.
// Lives on: main. Called by: file-reader.ts.

/** The line of a key path (`node.shards`, `queues[0].limit`), or else of the nearest section around it. */
export type LineOf = (path: string) => number | undefined;

/** Texts and comments: what looks like a key or a bracket in them is none. */
const OPAQUE = /"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#.*/g;
const NAME = `(?:[\\w-]+|"[^"]*"|'[^']*')`;
const PATH = `(${NAME}(?:\\s*\\.\\s*${NAME})*)`;
const HEADER = new RegExp(`^\\s*(\\[\\[?)\\s*${PATH}\\s*\\]`);
const KEY = new RegExp(`^\\s*${PATH}\\s*=`);

export function lineFinder(toml: string): LineOf {
  const lines = scan(toml);
  return (path) => {
    for (let part = path; part !== ''; part = part.slice(0, Math.max(0, part.search(/(\.[^.]*|\[\d+\])$/)))) {
      const line = lines.get(part);
      if (line !== undefined) return line;
    }
    return undefined;
  };
}

function scan(toml: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const lists = new Map<string, number>();
  let section = '';
  let depth = 0;
  for (const [index, line] of toml.replace(OPAQUE, blanked).split('\n').entries()) {
    const header = depth === 0 ? HEADER.exec(line) : null;
    const key = depth === 0 && header === null ? KEY.exec(line) : null;
    if (header !== null) {
      section = sectionOf(header[2], header[1] === '[[' ? lists : undefined);
      note(lines, { path: section, line: index + 1 });
    } else {
      if (key !== null) note(lines, { path: joined(section, key[1]), line: index + 1 });
      depth += depthChange(line.slice(key?.[0].length ?? 0));
    }
  }
  return lines;
}

/** Keeps the lines of a text and its letters, as it may be a quoted key, but nothing that has a meaning to the scan. */
function blanked(part: string): string {
  if (part.startsWith('#')) return '';
  return part.includes('\n') ? part.replace(/[^\n]/g, '') : part.replace(/[[\]{}=]/g, '_');
}

function sectionOf(path: string, lists: Map<string, number> | undefined): string {
  const name = joined('', path);
  if (lists === undefined) return name;
  const count = lists.get(name) ?? 0;
  lists.set(name, count + 1);
  return `${name}[${count}]`;
}

function joined(section: string, path: string): string {
  const names = path.match(new RegExp(NAME, 'g')) ?? [];
  const name = names.map((part) => part.replace(/^["']|["']$/g, '')).join('.');
  return section === '' ? name : `${section}.${name}`;
}

/** A dotted key stands for the tables it makes, too; the first mention counts. */
function note(lines: Map<string, number>, { path, line }: { path: string; line: number }): void {
  for (let end = path.length; end > 0; end = path.lastIndexOf('.', end - 1)) {
    const part = path.slice(0, end);
    if (!lines.has(part)) lines.set(part, line);
  }
}

function depthChange(text: string): number {
  return (text.match(/[[{]/g)?.length ?? 0) - (text.match(/[\]}]/g)?.length ?? 0);
}
