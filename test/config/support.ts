// Loads configurations from texts: a file system and an environment of the test's own. Called by: the tests of config.
import assert from 'node:assert/strict';
import { loadConfig } from '../../config/load.ts';
import { ConfigError } from '../../config/problem.ts';
import type { LoadedConfig } from '../../config/types.ts';

export interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string>>;
}

export function load(toml: string, given: Given = {}): LoadedConfig {
  const files: Readonly<Record<string, string>> = { ...given.files, 'node.toml': toml };
  return loadConfig({
    tomlPath: 'node.toml',
    env: given.env ?? {},
    flags: given.flags ?? {},
    readFile: (path) => {
      if (path === 'denied') throw Object.assign(new Error('EACCES: denied'), { code: 'EACCES' });
      if (files[path] === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
      return files[path];
    },
  });
}

/** The problems of a configuration that cannot be used. */
export function problemsOf(toml: string, given: Given = {}): readonly string[] {
  try {
    load(toml, given);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.message, error.problems.join('\n'));
    return error.problems;
  }
  assert.fail('the configuration was taken');
}
