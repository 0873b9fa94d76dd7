// What the queue routes take, as schemas: the same names, units and ranges as QueueOptions. The OpenAPI document shows
// them too.
// Lives on: main.
import { z } from 'zod';
import { ADMIN_LIMITS, NAME_BYTES_MAX, PREFETCH_MAX } from '../base/limits.ts';

/** A name or topic: UTF-8, counted in bytes as it travels. */
const name = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= NAME_BYTES_MAX, `expected at most ${NAME_BYTES_MAX} bytes`);

const durationMs = z.int().min(0);

export const queueDeclaration = z.strictObject({
  name: name.optional(),
  topics: z.array(name).max(ADMIN_LIMITS.topicsPerQueueMax).optional(),
  limit: z.int().min(1).optional(),
  overflow: z.enum(['drop-oldest', 'reject', 'block']).optional(),
  ackTimeoutMs: durationMs.optional(),
  maxDeliveries: z.int().min(0).optional(),
  deadLetterQueue: z.union([z.literal(''), name]).optional(),
  messageTtlMs: durationMs.optional(),
  delayMs: durationMs.optional(),
  dedupWindowMs: durationMs.optional(),
  idleTtlMs: durationMs.optional(),
  prefetchCount: z.int().min(1).max(PREFETCH_MAX).optional(),
});

export const requeueBody = z.strictObject({ to: name.optional() });

export const emptyBody = z.strictObject({});

export const queuesQuery = z.strictObject({
  prefix: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(ADMIN_LIMITS.queuesPageMax).default(ADMIN_LIMITS.queuesPageDefault),
  offset: z.coerce.number().int().min(0).default(0),
});

export const deleteQuery = z.strictObject({ ifEmpty: z.enum(['true', 'false']).default('false') });

export const peekQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(ADMIN_LIMITS.peekMax).default(ADMIN_LIMITS.peekDefault),
});

export const planQuery = z.strictObject({ without: name.optional() });

export const emptyQuery = z.strictObject({});
