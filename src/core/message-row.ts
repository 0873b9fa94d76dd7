// The row of one message in the MessageTable: sixteen words, the last six of them read as three doubles. Some words
// have one meaning while the message waits and another while it is in flight.
// Lives on: a shard. Used by: MessageTable and the parts of a queue.

/** No message: the end of a list. */
export const NO_MESSAGE = -1;

// Words of a row.
export const ROW_QUEUE = 0;
/** Bits 0-2 state, 3 indexed, 4-7 priority, 8 fetched, 9 dead, 16-31 attempts. */
export const ROW_TAGS = 1;
/** Links of the list of its state. */
export const ROW_NEXT = 2;
export const ROW_PREVIOUS = 3;
export const ROW_SLAB = 4;
export const ROW_OFFSET = 5;
/** In flight: slot of the consumer that has it. Blocked: slot of its publisher. */
export const ROW_CONSUMER = 6;
/** In flight, blocked: links of the list of that consumer or publisher. */
export const ROW_PEER_NEXT = 7;
export const ROW_PEER_PREVIOUS = 8;
/** Ready, delayed: handle of its timer, or -1. */
export const ROW_TIMER = 7;
/** Next message with the same hash of the id. */
export const ROW_HASH_NEXT = 9;

// Doubles of a row, in its words 10-15.
/** Its place in the order of the queue. Blocked: the publisher's number of the publish. */
export const ROW_SEQUENCE = 5;
/** In flight: ack deadline. Delayed: when to deliver. */
export const ROW_DUE = 6;
/** When it expires, ms; Infinity = never. */
export const ROW_EXPIRE = 7;

/** Where a message is. */
export const State = {
  free: 0,
  ready: 1,
  delayed: 2,
  inFlight: 3,
  blocked: 4,
  /** In no list: being handed on in this very call. */
  held: 5,
  /** On its way to another queue, which has not answered. */
  leaving: 6,
} as const;

export const TAG_STATE_MASK = 7;
export const TAG_INDEXED = 1 << 3;
export const TAG_PRIORITY_SHIFT = 4;
/** Delivered to a fetch: takes no credit of the consumer. */
export const TAG_FETCHED = 1 << 8;
/** Leaving as a dead letter. */
export const TAG_DEAD = 1 << 9;
export const TAG_ATTEMPTS_SHIFT = 16;
export const ATTEMPTS_MAX = 0xffff;
