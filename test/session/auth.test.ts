import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import { BrokerError } from '../../src/base/errors.ts';
import { JWT_BYTES_MAX } from '../../src/base/limits.ts';
import { ANONYMOUS } from '../../src/base/principal.ts';
import { Authenticator, type AuthenticatorOptions } from '../../src/session/auth.ts';
import { digestOf } from '../../src/session/token.ts';

const NOW_MS = 1_800_000_000_000;
const NOW_S = NOW_MS / 1000;

const OPTIONS: AuthenticatorOptions = {
  required: true,
  tokens: [
    { digest: digestOf('alice-token'), user: 'alice', disabled: false },
    { digest: digestOf('off-token'), user: 'alice', disabled: true },
    { digest: digestOf('twice-token'), user: 'bob', disabled: false },
    { digest: digestOf('twice-token'), user: 'bob', disabled: true },
  ],
  jwtSecrets: [
    { name: 'new', secret: 'new-secret', disabled: false },
    { name: 'old', secret: 'old-secret', disabled: false },
    { name: 'gone', secret: 'gone-secret', disabled: true },
    { name: 'again', secret: 'gone-secret', disabled: false },
  ],
  certificates: false,
};

const MISSING = 'Cannot authenticate: a bearer token is required';
const INVALID = 'Cannot authenticate: the token is not valid';
const EXPIRED = 'Cannot authenticate: the token has expired';

const CLAIMS: JWTPayload = { sub: 'carol', exp: NOW_S + 60 };

function jwt(secret: string, claims: JWTPayload = CLAIMS, alg = 'HS256'): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg })
    .sign(Buffer.from(secret.padEnd(alg === 'HS256' ? 0 : 64, ' ')));
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token with a right HS256 signature, whatever its header says. */
function hmacSigned(header: object, secret: string, claims: object = CLAIMS): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

async function refusal(header: string | undefined, authenticator = new Authenticator(OPTIONS)): Promise<string> {
  try {
    const principal = await authenticator.authorize(header, NOW_MS);
    return `let in as ${principal.name}`;
  } catch (error) {
    assert.ok(error instanceof BrokerError);
    assert.equal(error.code, 'unauthenticated');
    assert.equal(error.cause, undefined);
    return error.message;
  }
}

describe('Authenticator: tokens', () => {
  it('takes a token with blanks in it', () => {
    const tokens = [{ digest: digestOf('inline personal token'), user: 'dave', disabled: false }];
    const authenticator = new Authenticator({ ...OPTIONS, tokens });
    assert.deepEqual(authenticator.authorize('Bearer inline personal token', NOW_MS), { name: 'dave', kind: 'token' });
  });

  it('knows the user of a token, whatever the case of the scheme, and answers at once', () => {
    const authenticator = new Authenticator(OPTIONS);
    for (const header of ['Bearer alice-token', 'bearer alice-token', 'BEARER  alice-token ']) {
      assert.deepEqual(authenticator.authorize(header, NOW_MS), { name: 'alice', kind: 'token' });
    }
  });

  const table: readonly (readonly [string, string | undefined, string])[] = [
    ['no header', undefined, MISSING],
    ['an empty header', '', MISSING],
    ['a scheme alone', 'Bearer', MISSING],
    ['another scheme', 'Basic YWxpY2U6eA==', MISSING],
    ['a token without a scheme', 'alice-token', MISSING],
    ['blanks alone', 'Bearer   ', MISSING],
    ['two tokens', 'Bearer alice-token alice-token', INVALID],
    ['a scheme that only begins like it', 'Bearerx alice-token', MISSING],
    ['a wrong token', 'Bearer alice-toke', INVALID],
    ['a disabled token', 'Bearer off-token', INVALID],
    ['a token that is disabled at a second place', 'Bearer twice-token', INVALID],
    ['a digest in place of its token', `Bearer ${digestOf('alice-token')}`, INVALID],
    ['a very long token', `Bearer ${'a.'.repeat(JWT_BYTES_MAX)}`, INVALID],
  ];
  for (const [what, header, text] of table) {
    it(`refuses ${what}`, async () => assert.equal(await refusal(header), text));
  }
});

describe('Authenticator: JWTs', () => {
  it('takes those of every secret in use, and counts by its name', async () => {
    const authenticator = new Authenticator(OPTIONS);
    assert.deepEqual(authenticator.verifiedByName(), { new: 0, old: 0, again: 0 });
    for (const secret of ['new-secret', 'old-secret', 'old-secret']) {
      const principal = await authenticator.authorize(`Bearer ${await jwt(secret)}`, NOW_MS);
      assert.deepEqual(principal, { name: 'carol', kind: 'jwt' });
    }
    assert.deepEqual(authenticator.verifiedByName(), { new: 1, old: 2, again: 0 });
  });

  const bad: Readonly<Record<string, () => Promise<string> | string>> = {
    'an unknown secret': () => jwt('unknown'),
    'a disabled secret, also where it is listed again': () => jwt('gone-secret'),
    'no exp': () => jwt('new-secret', { sub: 'carol' }),
    'no sub': () => jwt('new-secret', { exp: NOW_S + 60 }),
    'an empty sub': () => jwt('new-secret', { sub: '', exp: NOW_S + 60 }),
    'an nbf to come': () => jwt('new-secret', { ...CLAIMS, nbf: NOW_S + 30 }),
    'alg none': () => `${part({ alg: 'none' })}.${part(CLAIMS)}.`,
    'alg None, signed all the same': () => hmacSigned({ alg: 'None' }, 'new-secret'),
    'alg HS512': () => jwt('new-secret', CLAIMS, 'HS512'),
    'alg RS256 and an HMAC': () => hmacSigned({ alg: 'RS256' }, 'new-secret'),
    'alg in other letters': () => hmacSigned({ alg: 'hs256' }, 'new-secret'),
    'no alg': () => hmacSigned({ typ: 'JWT' }, 'new-secret'),
    'an unknown critical header': () => hmacSigned({ alg: 'HS256', crit: ['x'], x: 1 }, 'new-secret'),
    'a key of its own in the header': () => hmacSigned({ alg: 'HS256', jwk: { kty: 'oct', k: 'eA' } }, 'x'),
    'a sub that is a number': () => hmacSigned({ alg: 'HS256' }, 'new-secret', { ...CLAIMS, sub: 7 }),
    'an exp that is a text': () => hmacSigned({ alg: 'HS256' }, 'new-secret', { ...CLAIMS, exp: '9999999999' }),
    'a payload that was changed': async () => {
      const [head, , signature] = (await jwt('new-secret')).split('.');
      return `${head}.${part({ ...CLAIMS, sub: 'root' })}.${signature}`;
    },
    'no signature': async () => (await jwt('new-secret')).replace(/[^.]+$/, ''),
    'a header that is no JSON': () => 'AAAA.AAAA.AAAA',
  };
  for (const [what, make] of Object.entries(bad)) {
    it(`refuses one with ${what}`, async () => assert.equal(await refusal(`Bearer ${await make()}`), INVALID));
  }

  it('refuses one that has expired, with the text for that', async () => {
    assert.equal(await refusal(`Bearer ${await jwt('new-secret', { sub: 'carol', exp: NOW_S - 1 })}`), EXPIRED);
  });

  it('never answers or fails with a part of what it was sent', async () => {
    const sent = [`Bearer ${await jwt('unknown')}`, 'Bearer hunter2', 'hunter2', `Bearer ${part('hunter2')}.x.y`];
    for (const header of sent) {
      const text = await refusal(header);
      assert.ok([MISSING, INVALID, EXPIRED].includes(text), text);
    }
  });

  it('takes one with the signature of a plain HMAC, so that the refusals above are for their reasons', async () => {
    assert.equal(await refusal(`Bearer ${hmacSigned({ alg: 'HS256' }, 'new-secret')}`), 'let in as carol');
  });

  it('remembers one it has verified until it expires', async () => {
    const authenticator = new Authenticator(OPTIONS);
    const header = `Bearer ${await jwt('new-secret')}`;
    await authenticator.authorize(header, NOW_MS);
    assert.ok(!(authenticator.authorize(header, NOW_MS + 59_999) instanceof Promise), 'the second answer is at hand');
    assert.equal(authenticator.verifiedByName().new, 2);
    await assert.rejects(async () => authenticator.authorize(header, NOW_MS + 60_000), { message: EXPIRED });
  });
});

describe('Authenticator: without tokens', () => {
  it('lets everybody in as anonymous while authentication is off, whatever they send', () => {
    const off = new Authenticator({ required: false, tokens: [], jwtSecrets: [], certificates: false });
    assert.equal(off.authorize(undefined, NOW_MS), ANONYMOUS);
    assert.equal(off.authorize('Bearer x', NOW_MS), ANONYMOUS);
    assert.equal(off.authorize(undefined, NOW_MS, 'client-7'), ANONYMOUS);
  });

  it('lets nobody in when no token or secret is left', async () => {
    const closed = new Authenticator({ required: true, tokens: [], jwtSecrets: [], certificates: false });
    assert.equal(await refusal(undefined, closed), MISSING);
    assert.equal(await refusal(`Bearer ${await jwt('new-secret')}`, closed), INVALID);
  });

  it('takes the name of a verified certificate, unless a token was sent', async () => {
    const mutual = new Authenticator({ ...OPTIONS, certificates: true });
    assert.deepEqual(mutual.authorize(undefined, NOW_MS, 'client-7'), { name: 'client-7', kind: 'certificate' });
    assert.deepEqual(mutual.authorize('Bearer alice-token', NOW_MS, 'client-7'), { name: 'alice', kind: 'token' });
    await assert.rejects(async () => mutual.authorize('Bearer wrong', NOW_MS, 'client-7'), { message: INVALID });
    assert.throws(() => mutual.authorize(undefined, NOW_MS), { message: MISSING });
  });
});
