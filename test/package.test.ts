import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { completeLock, type Lock, missingPlatformPackages, readLock } from './tidy/lock-file.ts';
import { REPOSITORY } from './tidy/source-file.ts';

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly engines: { readonly node: string };
  readonly bin: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
}

const readText = (name: string): string => readFileSync(path.join(REPOSITORY, name), 'utf8');

describe('package', () => {
  const manifest = JSON.parse(readText('package.json')) as Manifest;
  const lock = readLock();

  it('package-lock.json names every platform package, as npm ci demands', () => {
    assert.deepEqual(missingPlatformPackages(lock), [], 'run `npm run lock` and commit the lock file');
  });

  it('a lock without platform packages is completed with their system, cpu and C library', () => {
    const bare: Lock = {
      packages: {
        'node_modules/a': { version: '1.0.0', dev: true, optionalDependencies: { '@a/a-linux-x64-musl': '1.0.0' } },
      },
    };
    assert.deepEqual(missingPlatformPackages(bare), ['@a/a-linux-x64-musl']);
    const added = completeLock(bare).packages['node_modules/@a/a-linux-x64-musl'];
    assert.deepEqual(added, {
      version: '1.0.0',
      cpu: ['x64'],
      dev: true,
      optional: true,
      os: ['linux'],
      libc: ['musl'],
    });
    assert.deepEqual(missingPlatformPackages(completeLock(bare)), []);
  });

  it('every install script of a dependency is allowed or denied by name', () => {
    const scripted = Object.entries(lock.packages)
      .filter(([at, entry]) => at !== '' && entry.hasInstallScript === true)
      .map(([at]) => at.slice(at.lastIndexOf('node_modules/') + 'node_modules/'.length));
    const undecided = scripted.filter((name) => manifest.allowScripts[name] === undefined);
    assert.deepEqual(undecided, [], 'say in allowScripts of package.json whether it may run');
  });

  it('the licence file is the one that the manifest names', () => {
    assert.equal(manifest.license, 'Apache-2.0');
    assert.match(readText('LICENSE'), /Apache License\s+Version 2\.0, January 2004/);
  });

  it('the runtime that is pinned satisfies the engines of the package', () => {
    const least = Number(/^>=(\d+)$/.exec(manifest.engines.node)?.[1]);
    assert.ok(Number(process.versions.node.split('.')[0]) >= least, `node ${process.versions.node} runs the tests`);
  });

  it('the changelog has a section for what comes', () => {
    assert.match(readText('CHANGELOG.md'), /^## \[Unreleased\]$/m);
  });
});
