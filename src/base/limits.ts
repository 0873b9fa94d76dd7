// Every limit of the broker with its reason. Full means push back or a counted drop, never growth.
// Relations between limits are asserted at the end of the file, when it is loaded.
import { assert } from './assert.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Largest message a client may publish or receive, bytes. grpc clients default to 4 MiB on receive: more would not be
 * readable.
 */
const MESSAGE_BYTES_MAX = 4 * MIB;

/** What that limit may be raised to by configuration: records of this size still cross between shards, in parts. */
export const MESSAGE_BYTES_CEILING = 16 * MIB;

/** What it may be lowered to: room for the longest names and request ids around a message. */
export const MESSAGE_BYTES_FLOOR = 4 * KIB;

/**
 * Bytes of one shared ring between two threads. Large enough for a burst of 10,000 small messages, small enough for N x
 * N of them.
 */
export const RING_BYTES = 2 * MIB;

/** A record larger than this travels in chunks, so that no message needs a ring to be nearly empty. */
export const RING_CHUNK_BYTES_MAX = RING_BYTES / 4;

/** Priorities of a queue: 0 (lowest, default) to 9, as in JMS and most brokers. */
export const PRIORITY_MAX = 9;

/**
 * Longest queue name and topic, bytes: what fits SQLite keys, log lines and a file name (255) with room for a suffix.
 */
export const NAME_BYTES_MAX = 255;

/** Longest name of a node, bytes: that of a host. Part of each delivery, as is the name of its queue. */
export const NODE_NAME_BYTES_MAX = 255;

/**
 * Most that a delivery adds to the Message in it, bytes. Tag and length of Response and Message (5 each) and of the
 * meta (3); then, with a tag and a length each, the id (38), the name of the queue (3) and `<node>/<shard>` (3 + 3).
 */
export const DELIVERY_OVERHEAD_BYTES_MAX = 5 + 5 + 3 + 38 + (3 + NAME_BYTES_MAX) + (3 + NODE_NAME_BYTES_MAX + 3);

/** Longest message id that a publisher may give for deduplication, bytes. */
export const DEDUP_ID_BYTES_MAX = 128;

/** Deduplication ids one queue remembers: five minutes at 3,000 a second; about 150 MB when all are of the longest. */
export const DEDUP_IDS_MAX = 1_000_000;

/** Longest request id of a publish, bytes: echoed in PubAck, kept while unconfirmed. */
export const REQUEST_ID_BYTES_MAX = 256;

/** Most messages one consumer may have unacked: bounds what must come back when it dies. */
export const PREFETCH_MAX = 65_535;

/**
 * Publishes of one stream that may wait for their queues before it is read no further: hides a ring's round trip,
 * bounds memory.
 */
export const UNCONFIRMED_PUBLISHES_MAX = 8192;

/**
 * Publishes that one full queue may keep waiting, and their bytes: two streams with all they may have unconfirmed, and
 * a few of the largest messages. Beyond it they are refused, as if the queue's policy were to reject.
 */
export const BLOCKED_PUBLISHES_MAX = 2 * UNCONFIRMED_PUBLISHES_MAX;
export const BLOCKED_BYTES_MAX = 64 * MIB;

/** Queues that one request may subscribe to: more are named in further requests, which wait for their turn. */
export const SUBSCRIPTION_QUEUES_MAX = 1_000;

/** Messages that one shard has on their way to queues of another shard, which has not answered. */
export const TRANSFERS_MAX = 1_024;

/** Fetches of one stream that may wait for a message: each is remembered here and in its queue. */
export const FETCHES_PER_STREAM_MAX = 10_000;

/**
 * Messages of a SubscribeQueue stream that may be on their way to the socket: enough to fill its write buffer with
 * small ones.
 */
export const SUBSCRIBE_PREFETCH = 512;

/** Limits of the gRPC door; the reasons are beside each. Configuration may lower or raise the ones it names. */
export const GRPC_LIMITS = {
  messageBytesMax: MESSAGE_BYTES_MAX,
  /** Metadata of one call: the 8 KiB that grpc clients send by default, twice. Answered with a status. */
  metadataBytesMax: 16 * KIB,
  /**
   * What HTTP/2 itself lets through, so that moderately large metadata still gets a status; beyond it the stream is
   * reset.
   */
  headerListBytesMax: 64 * KIB,
  headerListPairsMax: 256,
  /** Open connections of one shard: each costs about 40 KiB here, and a file descriptor. */
  connectionsMax: 10_000,
  /** Open streams of one connection, as told to the client: an idle one costs about 8 KiB. */
  streamsPerConnectionMax: 1_000,
  /** Open streams of one shard. */
  streamsMax: 100_000,
  /**
   * Flow-control window of one stream: what a paused stream may still send us, and the most that 5 MB/s need at 50 ms.
   */
  streamWindowBytes: 256 * KIB,
  /** Flow-control window of a connection: several streams at full speed. */
  connectionWindowBytes: 4 * MIB,
  /** Unfinished and held request messages of one connection, and of all of a shard: bounds what slow senders cost. */
  connectionBufferedBytesMax: 32 * MIB,
  bufferedBytesMax: 512 * MIB,
  /** Output of one call: above high its requests are not read and producers should wait, below low they go on. */
  outputHighBytes: 256 * KIB,
  outputLowBytes: 64 * KIB,
  /** Output of one call whose producer does not wait: a few of the largest messages, then the call is ended. */
  outputBytesMax: 32 * MIB,
  /**
   * Output of all calls of one connection: above high (64 calls that are about to be congested) those with more than
   * their share wait until it is below low; above the maximum they are ended. Up to there is room for what is on its
   * way when they are told to wait: about 100 consumers with 1 MiB of unacked messages each. Buffers may be twice that.
   */
  connectionOutputLowBytes: 8 * MIB,
  connectionOutputHighBytes: 16 * MIB,
  connectionOutputBytesMax: 128 * MIB,
  /** The same of all connections of a shard. One that never reads stays far below what would harm others. */
  shardOutputLowBytes: 256 * MIB,
  shardOutputHighBytes: 512 * MIB,
  shardOutputBytesMax: 640 * MIB,
  /** What a call may always have to say: with 1,000 calls on a connection as much as its high mark. */
  outputShareBytes: 16 * KIB,
  /** Until what a call was let on to fetch counts as come, milliseconds: some round trips between shards. */
  outputGrantMs: 10,
  /** Until the client's connection preface is complete (TLS handshake included), milliseconds. */
  prefaceTimeoutMs: 10_000,
  /** How long a finished call may take to be read by its client before the stream is reset. */
  finishTimeoutMs: 20_000,
  /**
   * Our pings find dead peers: twice the usual idle time-out of a middlebox would be too late, every second too dear.
   */
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  /** Pings without a message in between and SETTINGS frames that a client may send in `floodWindowMs`. */
  pingsMax: 100,
  settingsMax: 50,
  floodWindowMs: 10_000,
  /**
   * Streams that a client may reset in `floodWindowMs` (CVE-2023-44487): more than a client that gives up on slow
   * calls.
   */
  resetsMax: 1_000,
  /** Smallest response message that is compressed, when that is on: below it gzip costs more than it saves. */
  gzipThresholdBytes: 1 * KIB,
} as const;

/** Limits of the admin port. It serves people, probes and Prometheus: few connections, small requests. */
export const ADMIN_LIMITS = {
  /** A declaration with a thousand topics of the longest names, and room. */
  bodyBytesMax: 1 * MIB,
  headerBytesMax: 16 * KIB,
  connectionsMax: 1_000,
  /**
   * Until the headers, and until the whole request is there, milliseconds: a slow sender holds a connection no longer.
   */
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  /** Longer than the usual scrape interval of 15 s, so that Prometheus keeps its connection. */
  keepAliveTimeoutMs: 20_000,
  /** How long close() waits for answers under way, milliseconds. */
  closeGraceMs: 1_000,
  /** Queues of one page of the list. */
  queuesPageDefault: 1_000,
  queuesPageMax: 10_000,
  /** Messages of one peek: with the largest ones 400 MB would have to be encoded at once. */
  peekDefault: 10,
  peekMax: 100,
  topicsPerQueueMax: 1_000,
  /** Queues with time series of their own: each has about 30, and a scrape of 10,000 takes about a second. */
  queueSeriesMax: 10_000,
} as const;

/** Shards of one node: each pair shares two rings, 8 GiB of address space for 64. */
export const SHARDS_MAX = 64;

/** Longest JWT that is checked: more than metadata of one call may hold with anything beside it. */
export const JWT_BYTES_MAX = 8 * KIB;

/**
 * Verified JWTs that one shard remembers until they expire: about 300 bytes each. Beyond it they are verified again.
 */
export const JWT_CACHE_ENTRIES_MAX = 10_000;

/** Streams open on one shard: the slot part of a session number (20 bits). */
export const SESSIONS_MAX = 1 << 20;

/** Queues of one node: 1,000,000 empty ones cost about 2 GB over all shards. */
export const QUEUES_MAX = 1_000_000;

assert(RING_CHUNK_BYTES_MAX * 4 <= RING_BYTES, 'four chunks fit one ring');
assert(RING_CHUNK_BYTES_MAX % 8 === 0, 'chunks keep records aligned to 8 bytes');
assert(GRPC_LIMITS.outputLowBytes < GRPC_LIMITS.outputHighBytes, 'a drained output is below a congested one');
assert(
  GRPC_LIMITS.outputHighBytes + GRPC_LIMITS.messageBytesMax < GRPC_LIMITS.outputBytesMax,
  'a largest message fits the output of a call that is about to be congested',
);
assert(GRPC_LIMITS.outputShareBytes < GRPC_LIMITS.outputLowBytes, 'a call within its share is a drained one');
assert(
  GRPC_LIMITS.streamsPerConnectionMax * GRPC_LIMITS.outputShareBytes + GRPC_LIMITS.connectionOutputHighBytes <
    GRPC_LIMITS.connectionOutputBytesMax / 2,
  'the shares of all calls of a connection leave most of its output to what is on its way',
);
assert(
  GRPC_LIMITS.connectionOutputHighBytes + GRPC_LIMITS.outputBytesMax < GRPC_LIMITS.connectionOutputBytesMax,
  'a call may reach its own limit on a connection that is about to be pressed',
);
assert(
  GRPC_LIMITS.connectionOutputBytesMax * 4 <= GRPC_LIMITS.shardOutputHighBytes,
  'it takes several connections at their limit to make calls of others wait',
);
assert(
  GRPC_LIMITS.messageBytesMax < GRPC_LIMITS.connectionBufferedBytesMax,
  'a connection may hold one largest message',
);
assert(
  MESSAGE_BYTES_FLOOR > 2 * (DELIVERY_OVERHEAD_BYTES_MAX + REQUEST_ID_BYTES_MAX),
  'the smallest limit of a node leaves more than half of it to the message itself',
);
assert(
  REQUEST_ID_BYTES_MAX + 32 < DELIVERY_OVERHEAD_BYTES_MAX,
  'the largest message fits a request as well, with the longest request id',
);
assert(GRPC_LIMITS.metadataBytesMax < GRPC_LIMITS.headerListBytesMax, 'too much metadata still gets a status');
assert(ADMIN_LIMITS.headersTimeoutMs < ADMIN_LIMITS.requestTimeoutMs, 'headers are a part of the request they begin');
assert(
  MESSAGE_BYTES_CEILING * 2 <= GRPC_LIMITS.connectionBufferedBytesMax,
  'the largest message that can be configured fits the input of one connection and the output of one call',
);
