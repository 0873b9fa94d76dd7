// What hsmq clients read when something is refused. One place, so that unary calls and streams say the same.
import { BrokerError } from '../base/errors.ts';
import { SUBSCRIPTION_QUEUES_MAX } from '../base/limits.ts';
import { PublishResult } from '../core/publish-result.ts';

/** A publish to a topic that no queue is bound to. The text is the original's: clients match it. */
export function topicNotFound(topic: string): string {
  return `Subscribers for topic ${topic} not found`;
}

/** Why a queue refused a publish. */
export function publishRefusal(result: number, queue: string): string {
  switch (result) {
    case PublishResult.full:
      return `Queue "${queue}" is full`;
    case PublishResult.noMemory:
      return `Queue "${queue}" takes no more: the node is at its memory limit`;
    default:
      return `Queue "${queue}" not found`;
  }
}

/** Refuses a request that names too many queues. */
export function checkQueueCount(count: number): void {
  if (count <= SUBSCRIPTION_QUEUES_MAX) return;
  throw new BrokerError(
    'invalid-argument',
    `Cannot subscribe: received ${count} queues, expected at most ${SUBSCRIPTION_QUEUES_MAX} in one request`,
  );
}
