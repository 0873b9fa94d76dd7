// [users.NAME] tokens = [...]: who may call with which tokens.
// Lives on: main. Called by: load.ts.
import { nearest } from './nearest.ts';
import { isTable } from './option-types.ts';
import type { Reading } from './problem.ts';
import { readSecrets } from './secret-reader.ts';
import type { UserConfig } from './types.ts';

const USER_KEYS = ['tokens'];

export function readUsers(users: unknown, at: Reading): UserConfig[] {
  if (users === undefined) return [];
  if (!isTable(users)) {
    at.at('"users"', 'users').error('it is a section: expected [users.NAME] with tokens');
    return [];
  }
  return Object.entries(users).map(([name, user]) => {
    const path = `users.${name}`;
    return { name, tokens: readTokens(user, { at: at.at(`"${path}"`, path), path }) };
  });
}

function readTokens(user: unknown, { at, path }: { at: Reading; path: string }): UserConfig['tokens'] {
  if (!isTable(user)) {
    at.error('expected a section with tokens');
    return [];
  }
  for (const key of Object.keys(user)) {
    if (USER_KEYS.includes(key)) continue;
    const near = nearest(key, USER_KEYS) === undefined ? 'a user has tokens alone' : 'did you mean "tokens"?';
    at.at(at.label, `${path}.${key}`).error(`"${key}" is not an option; ${near}`);
  }
  const place = at.at(`"${path}.tokens"`, `${path}.tokens`);
  return user.tokens === undefined ? [] : (place.attempt(() => readSecrets(user.tokens, place)) ?? []);
}
