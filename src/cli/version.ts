// The version of the package, read from its manifest: one place to raise it at a release. The manifest lies above src/
// in the repository and above dist/src/ in the published package.
// Called by: program.ts, serve-command.ts.
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as {
        name?: string;
        version: string;
      };
      if (manifest.name === 'ringmq') return manifest.version;
    } catch {
      // Not there: the other place has it.
    }
  }
  return 'unknown';
}
