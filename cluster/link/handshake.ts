// Opens a link: each end says who it is, and with a shared key proves that it has it. MACs are over both nonces, both
// identities and the role, so that a proof is good for one connection, one direction and one pair of starts. From the
// same transcript each direction of the connection gets its own key (HKDF), with which every later frame is tagged.
// Pure: nonces come in, messages go out; a fault is thrown as LinkError and told to the peer by the caller.
// Called by: link-connection.ts.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { LinkKind } from './frame.ts';
import { type Challenge, type HandshakeMessage, type Hello, LINK_PROTOCOL, type Proof } from './handshake-messages.ts';
import { LinkError } from './link-error.ts';

export interface LinkIdentity {
  readonly cluster: string;
  readonly nodeId: string;
  readonly incarnation: number;
}

/** The node at the other end. */
export interface LinkPeer {
  readonly nodeId: string;
  readonly incarnation: number;
}

export interface LinkKeys {
  readonly send: Buffer;
  readonly receive: Buffer;
}

export interface Established {
  readonly kind: 'established';
  readonly peer: LinkPeer;
  readonly link: LinkKind;
  /** Keys of the frames that follow; undefined without a shared key. */
  readonly keys: LinkKeys | undefined;
}

/** What to do next, in order. */
export type HandshakeStep =
  | { readonly kind: 'send'; readonly message: HandshakeMessage }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  | Established;

interface CommonOptions {
  readonly self: LinkIdentity;
  readonly sharedKey: string | undefined;
  /** 32 random bytes, used once. */
  readonly nonce: Buffer;
}

export interface DialOptions extends CommonOptions {
  readonly link: LinkKind;
  /** The node that should answer; undefined for a seed, of which only the address is known. */
  readonly expected: string | undefined;
}

export interface ListenOptions extends CommonOptions {
  /** Why this proven peer may not have this link now; undefined = it may. */
  readonly admit: (peer: LinkPeer, link: LinkKind) => LinkError | undefined;
}

type Role = 'dialer' | 'listener';

/** Everything both ends said, in one form that has no two readings. */
function transcriptOf(hello: Hello, challenge: Challenge): string {
  const nonces = [hello.nonce.toString('hex'), challenge.nonce.toString('hex')];
  const dialer = [hello.cluster, hello.protocol, hello.nodeId, hello.incarnation, hello.link, hello.sealed];
  return JSON.stringify([...dialer, challenge.protocol, challenge.nodeId, challenge.incarnation, ...nonces]);
}

function macOf(sharedKey: string | undefined, role: Role, transcript: string): Buffer {
  if (sharedKey === undefined) return Buffer.alloc(0);
  return createHmac('sha256', sharedKey).update(`ringmq link ${role}\n${transcript}`).digest();
}

function keysOf(sharedKey: string | undefined, role: Role, transcript: string): LinkKeys | undefined {
  if (sharedKey === undefined) return undefined;
  const derive = (from: Role): Buffer =>
    Buffer.from(hkdfSync('sha256', sharedKey, createHmac('sha256', 'ringmq').update(transcript).digest(), from, 32));
  const [dialer, listener] = [derive('dialer'), derive('listener')];
  return role === 'dialer' ? { send: dialer, receive: listener } : { send: listener, receive: dialer };
}

function checkMac(received: Proof, wanted: Buffer): void {
  if (received.mac.length === wanted.length && timingSafeEqual(received.mac, wanted)) return;
  throw new LinkError('wrong-key', 'Cannot open a link: the shared keys of the two nodes differ');
}

function checkProtocol(protocol: number): void {
  if (protocol === LINK_PROTOCOL) return;
  throw new LinkError(
    'wrong-protocol',
    `Cannot open a link: received protocol ${protocol}, this node speaks ${LINK_PROTOCOL}`,
  );
}

function outOfTurn(message: HandshakeMessage): LinkError {
  return new LinkError('bad-hello', `Cannot open a link: received "${message.kind}" out of turn`);
}

function refusedBy(message: HandshakeMessage): HandshakeStep[] | undefined {
  if (message.kind !== 'refuse') return undefined;
  return [{ kind: 'refused', code: message.code, reason: message.reason }];
}

export class DialerHandshake {
  readonly #options: DialOptions;
  readonly #hello: Hello;
  #challenge: Challenge | undefined;

  constructor(options: DialOptions) {
    const { self, nonce, link, sharedKey } = options;
    this.#options = options;
    const { cluster, nodeId, incarnation } = self;
    const sealed = sharedKey !== undefined;
    this.#hello = { kind: 'hello', cluster, protocol: LINK_PROTOCOL, nodeId, incarnation, link, sealed, nonce };
  }

  start(): HandshakeStep[] {
    return [{ kind: 'send', message: this.#hello }];
  }

  receive(message: HandshakeMessage): HandshakeStep[] {
    const refused = refusedBy(message);
    if (refused !== undefined) return refused;
    const { sharedKey } = this.#options;
    if (this.#challenge === undefined) {
      if (message.kind !== 'challenge') throw outOfTurn(message);
      this.#checkChallenge(message);
      this.#challenge = message;
      const mac = macOf(sharedKey, 'dialer', transcriptOf(this.#hello, message));
      return [{ kind: 'send', message: { kind: 'proof', mac } }];
    }
    if (message.kind !== 'welcome') throw outOfTurn(message);
    const transcript = transcriptOf(this.#hello, this.#challenge);
    checkMac(message, macOf(sharedKey, 'listener', transcript));
    const { nodeId, incarnation } = this.#challenge;
    const keys = keysOf(sharedKey, 'dialer', transcript);
    return [{ kind: 'established', peer: { nodeId, incarnation }, link: this.#options.link, keys }];
  }

  #checkChallenge(challenge: Challenge): void {
    checkProtocol(challenge.protocol);
    const { self, expected } = this.#options;
    if (challenge.nodeId === self.nodeId) throw new LinkError('self', `Cannot link "${self.nodeId}" to itself`);
    if (expected === undefined || expected === challenge.nodeId) return;
    throw new LinkError('wrong-node', `Cannot link to "${expected}": "${challenge.nodeId}" answers at its address`);
  }
}

export class ListenerHandshake {
  readonly #options: ListenOptions;
  readonly #challenge: Challenge;
  #hello: Hello | undefined;

  constructor(options: ListenOptions) {
    const { self, nonce } = options;
    const { nodeId, incarnation } = self;
    this.#options = options;
    this.#challenge = { kind: 'challenge', protocol: LINK_PROTOCOL, nodeId, incarnation, nonce };
  }

  receive(message: HandshakeMessage): HandshakeStep[] {
    const refused = refusedBy(message);
    if (refused !== undefined) return refused;
    if (this.#hello === undefined) {
      if (message.kind !== 'hello') throw outOfTurn(message);
      this.#checkHello(message);
      this.#hello = message;
      return [{ kind: 'send', message: this.#challenge }];
    }
    if (message.kind !== 'proof') throw outOfTurn(message);
    return this.#admit(this.#hello, message);
  }

  #checkHello(hello: Hello): void {
    checkProtocol(hello.protocol);
    const { self, sharedKey } = this.#options;
    if (hello.cluster !== self.cluster) {
      throw new LinkError('wrong-cluster', `Cannot join: this node is not of cluster "${hello.cluster}"`);
    }
    if (hello.nodeId === self.nodeId) {
      throw new LinkError('self', `Cannot link "${hello.nodeId}": this node has that name itself`);
    }
    if (hello.sealed === (sharedKey !== undefined)) return;
    const which = hello.sealed
      ? 'you have a shared key, this node has none'
      : 'this node has a shared key, you have none';
    throw new LinkError('auth-mismatch', `Cannot open a link: ${which}`);
  }

  #admit(hello: Hello, proof: Proof): HandshakeStep[] {
    const { sharedKey, admit } = this.#options;
    const transcript = transcriptOf(hello, this.#challenge);
    checkMac(proof, macOf(sharedKey, 'dialer', transcript));
    const peer = { nodeId: hello.nodeId, incarnation: hello.incarnation };
    const refusal = admit(peer, hello.link);
    if (refusal !== undefined) throw refusal;
    const mac = macOf(sharedKey, 'listener', transcript);
    return [
      { kind: 'send', message: { kind: 'welcome', mac } },
      { kind: 'established', peer, link: hello.link, keys: keysOf(sharedKey, 'listener', transcript) },
    ];
  }
}
