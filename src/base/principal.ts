// Who stands behind a connection or a call, as authentication found it. Every door fills it, the ACL reads it.

/** An identity. Holds nothing secret: it may be logged and shown. */
export interface Principal {
  /** 'anonymous' when authentication is off. */
  readonly name: string;
  readonly kind: 'anonymous' | 'token' | 'jwt' | 'certificate';
}

/** The principal of every call while authentication is off. */
export const ANONYMOUS: Principal = Object.freeze({ name: 'anonymous', kind: 'anonymous' });
