// What a queue says to a publish: the answer travels from the owner's shard to the publisher's as a small number.

export const PublishResult = {
  accepted: 0,
  /** The queue is full and its policy is to make publishers wait: another answer follows. */
  blocked: 1,
  /** Its message id was seen within the dedup window: confirmed, not enqueued again. */
  duplicate: 2,
  /** Refused: the queue is at its limit. */
  full: 3,
  /** Refused: the shard is at its memory limit. */
  noMemory: 4,
  /** Its time to live had passed on arrival: accepted and counted as expired. */
  expired: 5,
  /** Refused: the queue was deleted meanwhile. */
  gone: 6,
} as const;

/** Whether the message is not in the queue and its publisher must be told. */
export function isRefused(result: number): boolean {
  return result === PublishResult.full || result === PublishResult.noMemory || result === PublishResult.gone;
}
