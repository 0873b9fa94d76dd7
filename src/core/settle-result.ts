// What became of an ack or a requeue.

export const SettleResult = {
  settled: 0,
  /** After its ack timeout, but before anybody else had it: accepted. */
  late: 1,
  unknown: 2,
} as const;
