// What a queue says to an ack or a requeue. Unknown ids are harmless: whoever was late learns so, and nothing else
// happens.

export const SettleResult = {
  settled: 0,
  /** After its ack timeout, but before anybody else had it: accepted. */
  late: 1,
  unknown: 2,
} as const;
