// Every limit of the cluster layer with its reason. Full means refuse, push back or a counted drop, never growth.
import { MESSAGE_BYTES_CEILING } from '../src/base/limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Limits of the links between nodes. */
export const LINK_LIMITS = {
  /** Frames of a handshake: names and nonces take a few hundred bytes. */
  handshakeBytesMax: 4 * KIB,
  /** From the connection to the end of the handshake: two round trips across an ocean, and TLS. */
  handshakeTimeoutMs: 5_000,
  /** Connections that have not said who they are: all nodes of a large cluster may start at once. */
  unauthenticatedMax: 128,
  /** One control message: a push-pull of 1,000 members (200 KB) or 1,000 routes with the longest names. */
  controlBytesMax: MIB,
  /** Nesting of a control message: lists of maps of lists take four. */
  controlDepthMax: 16,
  /** Control output that a peer has not read: some of the largest messages; beyond it the peer is not living. */
  controlOutputBytesMax: 8 * MIB,
  /** Envelopes of one loop turn go out together up to this: 500 small records, one system call and one tag. */
  batchGatherBytes: 64 * KIB,
  /** A batch is its header and an envelope at least. */
  batchBytesMin: 48,
  /** Largest batch: one record of the largest message that may be configured, with its envelope and header. */
  batchBytesMax: MESSAGE_BYTES_CEILING + 128 * KIB,
  /** What a small batch is charged: bounds the count of batches within the bytes of a window. */
  batchChargeBytesMin: KIB,
  /** A batch smaller than this is copied to memory of its own size, so that what is kept is used by half at least. */
  batchCopyBytesMax: 32 * KIB,
  /** What a receiver takes before its consumer does: 100 MB/s at 80 ms. A batch may begin while a byte is left. */
  windowBytes: 8 * MIB,
  /** Bytes kept for a peer (unacked and unsent) above which sources should wait, and below which they go on. */
  heldHighBytes: 8 * MIB,
  heldLowBytes: 4 * MIB,
  /** What is kept at the most, for what cannot wait (acks, confirms); beyond it a post is refused. */
  heldBytesMax: 32 * MIB,
  /** Bulk bytes given to the socket at once: enough to keep it busy, little enough to resend. */
  socketBytesHigh: MIB,
  /** Memory of batches that is kept for the next ones: saves allocating and clearing 64 KiB for each. */
  sparesMax: 32,
  /** Pings find silent peers and measure the round trip. */
  pingMs: 1_000,
  /** Silence after which a link is dead: five pings. */
  silenceMs: 5_000,
  /** Pauses between attempts to connect double from the first to the last; each is drawn between half and whole. */
  reconnectMsMin: 50,
  reconnectMsMax: 5_000,
  /** The node with the higher name dials so much later: the lower one does it, unless it does not know the higher. */
  higherDialDelayMs: 1_000,
  /** A refused peer may read the reason for so long. */
  refusalLingerMs: 1_000,
  /** How often dials, pings and silence are looked at. */
  tickMs: 50,
  /** Shortest shared key, bytes: 128 bits when it is random. */
  keyBytesMin: 16,
  /** Peers of one node. */
  peersMax: 1_000,
} as const;

/** Limits of the placement of queues on nodes. */
export const PLACEMENT_LIMITS = {
  /** Answers of a ring that are kept: the queues of a large cluster, some 10 MB; others cost 2 us each time. */
  cachedMax: 100_000,
  /** Pins are written by people, or by their programs for single queues. */
  pinsMax: 10_000,
} as const;

/** Limits of finding the first nodes of a cluster: by DNS and by Consul. */
export const DISCOVERY_LIMITS = {
  /** Addresses of one source; more than the peers a node may have help nobody. */
  seedsMax: 1_000,
  /** A name is asked for again when its answer expires, but neither sooner nor later than this. */
  refreshMsMin: 5_000,
  refreshMsMax: 60_000,
  /** Names that one name may stand for in turn; resolvers allow eight to sixteen. */
  aliasesMax: 8,
  /** What the C library reads of resolv.conf. */
  nameserversMax: 3,
  searchMax: 6,
  ndotsMax: 15,
  attemptsMax: 5,
  timeoutSMax: 30,
  /** One query to one nameserver: far above what a resolver of the same site takes, even where it has to ask. */
  queryTimeoutMs: 2_000,
  queryAttempts: 2,
  /** A datagram that no network has to cut in pieces. */
  datagramBytesMax: 1_232,
  /** Datagrams to a query's port that do not answer it: some late ones. More are somebody who guesses. */
  strayDatagramsMax: 16,
  /** Hosts of services whose addresses are asked for at once. */
  hostsAtOnce: 8,
  /** resolv.conf with everything that is read of it. */
  resolvConfBytesMax: 64 * KIB,

  /** How long Consul may hold an answer back until something changes. */
  consulWaitMs: 55_000,
  /** Consul adds up to a sixteenth to the wait, 3.4 s; the rest is for the way. */
  consulWaitMarginMs: 10_000,
  /** Any other request to Consul, and on the way out, where a node waits for it to end. */
  consulTimeoutMs: 5_000,
  consulLeaveTimeoutMs: 3_000,
  /** Answers that come at once, as when a service flaps, are asked for no more often than this. */
  consulIntervalMsMin: 1_000,
  /** Pauses after errors double from the first to the last. */
  consulRetryMsMin: 1_000,
  consulRetryMsMax: 30_000,
  /** How often a node looks whether its agent still knows it: agents lose what they had with their disk. */
  consulVerifyMs: 30_000,
  /** An answer: 1,000 nodes with their checks take about 2 MB. */
  consulBytesMax: 16 * MIB,
} as const;

/** Limits of the route logs: who wants which topic, and which node runs which queue. */
export const ROUTE_LIMITS = {
  /** Changes wait for others so long before they go out together; and go at once when there are so many. */
  flushMs: 5,
  opsPerFrameMax: 1_000,
  /** A frame is closed at this size; one op more may be as large as a value may be, and both fit a control message. */
  frameBytes: 64 * KIB,
  /** A topic, its space and a prefix; names of queues are shorter. */
  keyBytesMax: 4 * KIB,
  /** A queue with a thousand topics of the longest names. */
  valueBytesMax: 512 * KIB,
  /** Lists of pairs in a value take three. */
  valueDepthMax: 4,
  /** Entries of one origin: a table of this size takes some 200 MB. */
  entriesMax: 2_000_000,
  /** Frames that are kept for peers that missed some; older ones are made good by a snapshot. */
  ringOpsMax: 64 * KIB,
  ringBytesMax: 8 * MIB,
  /** Frames sent in answer to one pull; the peer asks for the rest when it has them. */
  pullBytesMax: MIB,
  /** Chunks of a snapshot on the way to a peer that has not asked for more: half a megabyte. */
  snapshotWindow: 8,
  /** What a peer did not answer is asked for again; and so long a gap that a head tells of may close by itself. */
  retryMs: 1_000,
  behindGraceMs: 200,
  /** Digests are compared at least so often, heads or not. */
  checkMs: 60_000,
  /** More buckets than these that differ are no accident of one entry: a snapshot is cheaper than to compare them. */
  repairBucketsMax: 64,
  /** How long interest stays after its last holder went: clients that reconnect, and a storm of them. */
  lingerMs: 500,
  /** Routes of a dead node are kept so long for it to come back: publishes to durable queues are held, not lost. */
  parkedMs: 15 * 60_000,
  /** A barrier gives up waiting for slow peers, and counts it. */
  barrierMs: 1_000,
  barriersMax: 10_000,
  /** Exact filters of one origin above which it publishes a summary of them, and below which single ones again. */
  summaryAbove: 50_000,
  summaryBelow: 25_000,
  /** Up to this many peers each gets every frame after `flushMs`; frames to more wait longer, in proportion. */
  directPeersMax: 64,
  /** Sets of origins of which one copy is kept for all filters; in a cluster that is well spread there are few. */
  originSetsMax: 65_536,
  originsMax: 1_000,
  /** How often what is overdue is looked at. */
  housekeepMs: 200,
} as const;

/** Limits of who runs which queue. */
export const OWNERSHIP_LIMITS = {
  /** Queues of one node that may be on their way at once: enough to hide round trips, few enough to be short. */
  movesMax: 16,
  /** How long a node that starts listens to others before it makes queues that nobody seems to run, ms. */
  settleMs: 1_500,
  /** Names of lost queues that are kept for the report. */
  lostNamesMax: 1_000,
  /** How often places are looked at, ms. */
  tickMs: 20,
  /** How long a call of another node's main may take, ms. */
  callTimeoutMs: 10_000,
} as const;
