// JWTs that were verified, by their digest, so that a client that calls often is checked once. The newest use is last
// in the map; at the limit the one unused for longest goes. An entry ends with its token's `exp`.
// Lives on: a shard or main, one an Authenticator. Called by: auth.ts.
import type { Principal } from '../base/principal.ts';

/** A client that is counted under its secret's name again with every call. */
export interface VerifiedJwt {
  readonly principal: Principal;
  readonly secretName: string;
  readonly expiresAtMs: number;
}

export class JwtCache {
  readonly #entries = new Map<string, VerifiedJwt>();
  readonly #entriesMax: number;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(digest: string, nowMs: number): VerifiedJwt | undefined {
    const entry = this.#entries.get(digest);
    if (entry === undefined) return undefined;
    this.#entries.delete(digest);
    if (entry.expiresAtMs <= nowMs) return undefined;
    this.#entries.set(digest, entry);
    return entry;
  }

  set(digest: string, entry: VerifiedJwt): void {
    this.#entries.delete(digest);
    this.#entries.set(digest, entry);
    if (this.#entries.size <= this.#entriesMax) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}
