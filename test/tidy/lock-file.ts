// package-lock.json must name every optional platform package (biome, oxc-parser, typescript, ...), also those of
// other systems: `npm ci` refuses a lock that lacks one. npm leaves out what its registry cannot describe, and a mirror
// may hold only its own platform, so `npm run lock` adds the missing entries. Called by package.test.ts, and as a
// program.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface LockPackage {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly engines?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lock {
  packages: Record<string, LockPackage>;
}

const LOCK_FILE = fileURLToPath(new URL('../../package-lock.json', import.meta.url));

/** `<scope>/<name>-<os>-<cpu>[-<abi>]`, as all makers of native npm packages name them. */
const PLATFORM =
  /(android|aix|darwin|freebsd|linux|\w*bsd|openharmony|sunos|win32)-([a-z0-9]+)(?:-(musl\w*|gnu\w*|eabi|msvc))?$/;

export function readLock(): Lock {
  return JSON.parse(readFileSync(LOCK_FILE, 'utf8')) as Lock;
}

/** Names of the optional packages that some package of the lock asks for and the lock does not hold. */
export function missingPlatformPackages(lock: Lock): string[] {
  const missing = new Set<string>();
  for (const entry of Object.values(lock.packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      if (lock.packages[`node_modules/${name}`] === undefined) missing.add(name);
    }
  }
  return [...missing].sort();
}

/** Adds an entry for each missing platform package. Without integrity: npm checks what it can when it installs one. */
export function completeLock(lock: Lock): Lock {
  const packages = { ...lock.packages };
  for (const parent of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      packages[`node_modules/${name}`] ??= platformEntry(name, { version, parent });
    }
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

function platformEntry(name: string, from: { version: string; parent: LockPackage }): LockPackage {
  const match = PLATFORM.exec(name);
  if (match === null) throw new Error(`Cannot complete package-lock.json: ${name} names no platform`);
  const [, os, cpu, abi] = match;
  const { dev, license, engines } = from.parent;
  return {
    version: from.version,
    cpu: [cpu],
    ...(dev ? { dev } : {}),
    ...(license ? { license } : {}),
    optional: true,
    os: [os],
    ...(os === 'linux' ? { libc: [abi?.startsWith('musl') ? 'musl' : 'glibc'] } : {}),
    ...(engines ? { engines } : {}),
  };
}

if (import.meta.main) {
  writeFileSync(LOCK_FILE, `${JSON.stringify(completeLock(readLock()), null, 2)}\n`);
}
