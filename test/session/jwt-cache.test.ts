import assert from 'node:assert/strict';
import { JwtCache, type VerifiedJwt } from '../../src/session/jwt-cache.ts';

const entry = (name: string, expiresAtMs = 100): VerifiedJwt => ({
  principal: { name, kind: 'jwt' },
  secretName: 's',
  expiresAtMs,
});

describe('JwtCache', () => {
  it('forgets the one unused for longest when it is full', () => {
    const cache = new JwtCache(2);
    cache.set('a', entry('a'));
    cache.set('b', entry('b'));
    cache.get('a', 0);
    cache.set('c', entry('c'));
    assert.deepEqual(
      ['a', 'b', 'c'].map((digest) => cache.get(digest, 0)?.principal.name),
      ['a', undefined, 'c'],
    );
    assert.equal(cache.size, 2);
  });

  it('forgets one that has expired, at the millisecond', () => {
    const cache = new JwtCache(2);
    cache.set('a', entry('a', 100));
    assert.ok(cache.get('a', 99));
    assert.equal(cache.get('a', 100), undefined);
    assert.equal(cache.size, 0);
  });
});
