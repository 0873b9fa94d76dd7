// The options of the library, their units, ranges and defaults.
// Called by: applications, and every file of the library.

/** Certificates of a TLS connection, PEM. */
export interface TlsOptions {
  /** Authorities that may have signed the node's certificate. Default: those of the system. */
  readonly ca?: Buffer | string;
  /** The client's own certificate and key, for nodes that ask for one (mTLS). Both or none. */
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
  /** Name to check the node's certificate against, when it is not the host of the address. */
  readonly serverName?: string;
}

export interface RingClientOptions {
  /** `host:port` of a node's gRPC door. Default `127.0.0.1:4848`. */
  readonly address?: string;
  /** Token or JWT, sent as `authorization: Bearer` with every call. */
  readonly token?: string;
  /** TLS with the system's authorities (`true`) or with what is given. Default: cleartext. */
  readonly tls?: boolean | TlsOptions;
  /** How long connect() waits for the first answer of the node, ms. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /**
   * How long a lost connection is tried again before publishes and consumers fail, ms. 0 = not at all. Default 30,000.
   */
  readonly retryTimeoutMs?: number;
  /** Publishes on their way that are not confirmed; more wait in the client. 1 to 8,192. Default 1,024. */
  readonly windowMax?: number;
}

export interface PublishOptions {
  /** Kept and delivered with the message. Default empty. */
  readonly key?: string;
  /** Names that begin with `ringmq-` are the broker's own. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * 1 (default): resolves when every bound queue has taken the message. 0: resolves when it is handed to the socket.
   */
  readonly qos?: 0 | 1;
  /** Type of `data` for receivers that use `google.protobuf.Any`. Default empty: plain bytes. */
  readonly typeUrl?: string;
  /** Time to live, ms: a message that nobody took by then is dropped and counted as expired. Default: the queue's. */
  readonly ttlMs?: number;
  /** Delivered not before this long after the publish, ms. Default: the queue's. */
  readonly delayMs?: number;
  /** 0 (lowest, default) to 9. */
  readonly priority?: number;
  /** A queue with a deduplication window takes a message of this id once, at most 128 bytes. */
  readonly messageId?: string;
}

export interface ConsumeOptions {
  /** Unacked messages that may be on their way or in work, 1 to 65,535. Default: what the queue was declared with. */
  readonly prefetch?: number;
  /** Ack each message as it is handed out: at most once after that. Default false: the application calls ack(). */
  readonly autoAck?: boolean;
  /** Ends the iteration; what was not handed out or not acked goes back to the queue. */
  readonly signal?: AbortSignal;
}

export interface FetchOptions {
  /** How long the node waits for a message, ms, from 0 (answer at once). Default 0. */
  readonly timeoutMs?: number;
  /** The node acks when it has sent the message. Default false. */
  readonly autoAck?: boolean;
}
