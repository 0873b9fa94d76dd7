// Who calls: the `authorization` header of a call, or the certificate of its connection, becomes a Principal or an
// error.
//
//   Bearer token -> digest in the table of tokens -> user
//                -> otherwise a JWT, HS256, tried with each secret in order: `exp` and `sub` are required
//   no header    -> the name on the client's verified certificate
//
// Pure but for the HMAC: time comes in as `nowMs`. The answer is at hand, not a promise, for all but a JWT seen the
// first time. Error texts are constants: nothing that was received is sent back.
// Lives on: a shard, one; main, one for the admin port. Called by: shard.ts, node-settings.ts.
import { errors, type JWTPayload, jwtVerify } from 'jose';
import { BrokerError } from '../base/errors.ts';
import { JWT_BYTES_MAX, JWT_CACHE_ENTRIES_MAX } from '../base/limits.ts';
import { ANONYMOUS, type Principal } from '../base/principal.ts';
import { JwtCache, type VerifiedJwt } from './jwt-cache.ts';
import { bearerToken, digestOf } from './token.ts';

/** Plain data, so that main can give it to a thread. */
export interface AuthenticatorOptions {
  /** Calls need an identity. With nothing below that could give one, every call is refused. */
  readonly required: boolean;
  readonly tokens: readonly { readonly digest: string; readonly user: string; readonly disabled: boolean }[];
  readonly jwtSecrets: readonly { readonly name: string; readonly secret: string; readonly disabled: boolean }[];
  /** Client certificates are verified by the TLS listener: who has one needs no token. */
  readonly certificates: boolean;
}

const MISSING = 'Cannot authenticate: a bearer token is required';
const INVALID = 'Cannot authenticate: the token is not valid';
const EXPIRED = 'Cannot authenticate: the token has expired';

const REQUIRED_CLAIMS = ['exp', 'sub'];

interface JwtSecret {
  readonly name: string;
  readonly key: Uint8Array;
  readonly disabled: boolean;
}

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /** Digest -> user; undefined for a token that was disabled, also when it is listed as usable elsewhere. */
  readonly #users = new Map<string, Principal | undefined>();
  readonly #secrets: readonly JwtSecret[];
  readonly #verified: Record<string, number> = {};
  readonly #cache = new JwtCache(JWT_CACHE_ENTRIES_MAX);

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    for (const { digest, user, disabled } of options.tokens) {
      if (disabled) this.#users.set(digest, undefined);
      else if (!this.#users.has(digest)) this.#users.set(digest, Object.freeze({ name: user, kind: 'token' }));
    }
    this.#secrets = options.jwtSecrets.map(({ name, secret, disabled }) => ({
      name,
      key: new TextEncoder().encode(secret),
      disabled,
    }));
    for (const { name, disabled } of this.#secrets) if (!disabled) this.#verified[name] = 0;
  }

  /** Who calls. Throws, or rejects with, `unauthenticated`. */
  authorize(
    header: string | undefined,
    nowMs: number,
    certificateName?: string | undefined,
  ): Principal | Promise<Principal> {
    // A header that was sent counts, also beside a certificate: a wrong token is never silently something else.
    if (header === undefined || !this.#options.required) return this.#withoutToken(certificateName);
    const token = bearerToken(header);
    if (token === undefined) throw unauthenticated(MISSING);
    const digest = digestOf(token);
    if (this.#users.has(digest)) return this.#users.get(digest) ?? refuse(INVALID);
    const known = this.#cache.get(digest, nowMs);
    if (known !== undefined) return this.#count(known);
    return this.#verify(token, digest, nowMs);
  }

  /** Calls with a JWT that was right, by the name of its secret. */
  verifiedByName(): Record<string, number> {
    return { ...this.#verified };
  }

  #withoutToken(certificateName: string | undefined): Principal {
    if (this.#options.certificates && certificateName !== undefined) {
      return { name: certificateName, kind: 'certificate' };
    }
    return this.#options.required ? refuse(MISSING) : ANONYMOUS;
  }

  #count(verified: VerifiedJwt): Principal {
    this.#verified[verified.secretName]++;
    return verified.principal;
  }

  async #verify(token: string, digest: string, nowMs: number): Promise<Principal> {
    if (token.length > JWT_BYTES_MAX) throw unauthenticated(INVALID);
    // Secrets that were withdrawn come first: a value that stands in the list twice is refused.
    for (const secret of this.#secrets) {
      if (secret.disabled && (await payloadOf(token, secret.key, nowMs)) !== undefined) throw unauthenticated(INVALID);
    }
    for (const secret of this.#secrets) {
      if (secret.disabled) continue;
      const payload = await payloadOf(token, secret.key, nowMs);
      if (payload !== undefined) return this.#admit(payload, secret.name, digest);
    }
    throw unauthenticated(INVALID);
  }

  #admit(payload: JWTPayload, secretName: string, digest: string): Principal {
    const { sub, exp } = payload;
    if (typeof sub !== 'string' || sub === '' || exp === undefined) throw unauthenticated(INVALID);
    const verified: VerifiedJwt = {
      principal: Object.freeze({ name: sub, kind: 'jwt' }),
      secretName,
      expiresAtMs: exp * 1000,
    };
    this.#cache.set(digest, verified);
    return this.#count(verified);
  }
}

/** The claims when the signature is of this key, else undefined. Throws when it is, but the claims are bad. */
async function payloadOf(token: string, key: Uint8Array, nowMs: number): Promise<JWTPayload | undefined> {
  try {
    const options = { algorithms: ['HS256'], requiredClaims: REQUIRED_CLAIMS, currentDate: new Date(nowMs) };
    return (await jwtVerify(token, key, options)).payload;
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return undefined;
    throw unauthenticated(error instanceof errors.JWTExpired ? EXPIRED : INVALID);
  }
}

function unauthenticated(text: string): BrokerError {
  return new BrokerError('unauthenticated', text);
}

function refuse(text: string): never {
  throw unauthenticated(text);
}
