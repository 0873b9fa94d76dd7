// Builds the native helper when a compiler and Node's headers are there; says so in one line and never fails:
// everything works without it. Run by npm after an install, with whatever Node runs npm; the helper is for any Node, as
// it uses N-API alone.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));

/** The first folder that holds node_api.h: of the pinned Node, then of the one that runs this. */
function findHeaders() {
  const pinned = path.join(here, '..', 'node_modules', 'node', 'node_modules');
  const folders = existsSync(pinned)
    ? readdirSync(pinned).map((name) => path.join(pinned, name, 'include', 'node'))
    : [];
  folders.push(path.join(path.dirname(process.execPath), '..', 'include', 'node'));
  return folders.find((folder) => existsSync(path.join(folder, 'node_api.h')));
}

function build() {
  if (process.env.RINGMQ_NATIVE === '0') return 'not built: RINGMQ_NATIVE=0';
  if (process.platform === 'win32') return 'not built: no support for this platform';
  const headers = findHeaders();
  if (headers === undefined) return 'not built: no Node headers found';
  const out = path.join(here, 'build');
  mkdirSync(out, { recursive: true });
  const flags = [
    '-O2',
    '-Wall',
    '-shared',
    '-fPIC',
    '-DNAPI_VERSION=8',
    '-DNODE_GYP_MODULE_NAME=ringmq',
    `-I${headers}`,
  ];
  if (process.platform === 'darwin') flags.push('-undefined', 'dynamic_lookup');
  const args = [...flags, '-o', path.join(out, 'ringmq.node'), path.join(here, 'addon.c'), '-lpthread'];
  const result = spawnSync(process.env.CC ?? 'cc', args, { encoding: 'utf8', timeout: 60_000 });
  if (result.error !== undefined) return `not built: ${result.error.message}`;
  if (result.status !== 0) {
    const said = (result.stderr ?? '').split('\n')[0];
    return `not built: ${said || `the compiler ended with ${result.signal ?? result.status}`}`;
  }
  return 'built';
}

let outcome;
try {
  outcome = build();
} catch (error) {
  outcome = `not built: ${error instanceof Error ? error.message : error}`;
}
console.log(`ringmq native helper: ${outcome} (optional)`);
