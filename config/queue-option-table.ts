// The options that every queue has, as [[queues]] and [queue_defaults] take them. Their defaults are those of
// src/core/queue-options.ts, which a test holds together.
// Lives on: main.
import { NAME_BYTES_MAX, PREFETCH_MAX } from '../src/base/limits.ts';
import type { ValuesOf } from './option.ts';
import { choice, duration, integer, text } from './option-types.ts';

export const QUEUE_OPTIONS = {
  limit: integer({
    default: 100_000_000,
    min: 1,
    help: 'most waiting messages of a queue',
    cost: 'memory: about 300 bytes for a message of 64 bytes',
  }),
  overflow: choice({ default: 'drop-oldest', help: 'what a publish to a full queue does' }, [
    'drop-oldest',
    'reject',
    'block',
  ]),
  ack_timeout: duration({
    default: 60_000,
    help: 'a delivered message that is not acked by then goes back to the head; 0 = never',
    cost: 'a consumer that hangs holds its messages for as long',
  }),
  max_deliveries: integer({
    default: 0,
    help: 'deliveries of a message before it is dead-lettered, or dropped; 0 = no bound',
  }),
  dead_letter_queue: text({
    default: '',
    help: `queue that takes dead messages, at most ${NAME_BYTES_MAX} bytes; empty = none`,
  }),
  message_ttl: duration({ default: 0, help: 'a message that nobody took by then expires; 0 = never' }),
  delay: duration({ default: 0, help: 'time between the publish and the first delivery' }),
  dedup_window: duration({
    default: 0,
    help: 'a message id seen within this time is confirmed but not enqueued again; 0 = off',
    cost: 'memory: about 150 bytes for each id of the window',
  }),
  idle_ttl: duration({ default: 0, help: 'a queue that nobody used for this long is deleted; 0 = never' }),
  prefetch_count: integer({
    default: 1,
    min: 1,
    max: PREFETCH_MAX,
    help: 'unacked messages of a consumer that asks for no number',
    cost: 'messages that a consumer holds come back only when it acks late or dies',
  }),
} as const;

export type QueueValues = ValuesOf<typeof QUEUE_OPTIONS>;
