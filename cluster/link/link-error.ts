// What ends a link, or refuses it. Codes are a closed table: each has a counter, and a refused peer is told its own.

export type LinkCode =
  /** Bytes that are no frame, or one that does not belong here. */
  | 'bad-frame'
  | 'bad-hello'
  | 'wrong-cluster'
  | 'wrong-protocol'
  /** One side has a shared key and the other has none. */
  | 'auth-mismatch'
  | 'wrong-key'
  /** A frame whose tag is not of this key, place and direction: altered, replayed, reordered or sent back. */
  | 'bad-tag'
  /** The peer's bulk numbers contradict what was agreed. */
  | 'bad-sequence'
  | 'over-credit'
  /** A node that reached itself, or another with its name. */
  | 'self'
  /** The pair has a link of this kind already, and that one is kept. */
  | 'duplicate'
  /** Another node answers at that address. */
  | 'wrong-node'
  /** A start of that node that is older than one already seen. */
  | 'stale'
  /** A member that does not read what it is sent. */
  | 'slow'
  | 'timeout'
  /** Too many connections that have not said who they are. */
  | 'busy'
  /** The peer refused; its own code and reason are in the text. */
  | 'refused'
  /** Nothing wrong: the socket ended. */
  | 'closed';

/** The text is sent to a peer that is refused, so it never holds a secret. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly code: LinkCode;

  constructor(code: LinkCode, message: string) {
    super(message);
    this.code = code;
  }
}
