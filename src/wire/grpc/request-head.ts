// Judges the head of a request before anything is opened for it. Three outcomes: a call, a gRPC status, or, for what is
// no gRPC at all, a plain HTTP status. Pure: the door applies the verdict.
import { BrokerError } from '../../base/errors.ts';
import { firstValue, metadataBytes } from './metadata.ts';
import type { GrpcMetadata } from './method.ts';
import { GRPC_STATUS, statusOf } from './status.ts';
import { parseTimeoutMs } from './timeout.ts';

/** What the request says about how it is to be served. */
export interface RequestHead {
  readonly path: string;
  readonly timeoutMs: number;
  readonly encoding: 'identity' | 'gzip';
  readonly acceptsGzip: boolean;
}

/** What is wrong with a head. */
export type HeadFault = 'method' | 'content-type' | 'metadata' | 'encoding' | 'timeout';

export type HeadVerdict =
  | { readonly kind: 'call'; readonly head: RequestHead }
  | { readonly kind: 'grpc'; readonly code: number; readonly message: string; readonly reason: HeadFault }
  | { readonly kind: 'http'; readonly status: number; readonly reason: HeadFault };

/** application/grpc, with an optional +proto or +json suffix and parameters. We speak proto only. */
const CONTENT_TYPE = /^application\/grpc(\+proto)?\s*(;|$)/;

/** What we can decompress, as told to a client that sent something else. */
export const ACCEPT_ENCODING = 'identity,gzip';

/** Applies the rules of the gRPC protocol to request headers. */
export function judgeHead(metadata: GrpcMetadata, limits: { readonly metadataBytesMax: number }): HeadVerdict {
  if (metadata[':method'] !== 'POST') return { kind: 'http', status: 405, reason: 'method' };
  if (!CONTENT_TYPE.test(firstValue(metadata, 'content-type') ?? '')) {
    return { kind: 'http', status: 415, reason: 'content-type' };
  }
  const bytes = metadataBytes(metadata);
  if (bytes > limits.metadataBytesMax) {
    const message = `Cannot open call: metadata may have at most ${limits.metadataBytesMax} bytes: received ${bytes}`;
    return { kind: 'grpc', code: GRPC_STATUS['resource-exhausted'], message, reason: 'metadata' };
  }
  const encoding = firstValue(metadata, 'grpc-encoding') ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip') {
    const received = JSON.stringify(encoding.slice(0, 32));
    const message = `Cannot open call: grpc-encoding must be one of ${ACCEPT_ENCODING}: received ${received}`;
    return { kind: 'grpc', code: GRPC_STATUS.unimplemented, message, reason: 'encoding' };
  }
  return withTimeout(metadata, encoding);
}

function withTimeout(metadata: GrpcMetadata, encoding: 'identity' | 'gzip'): HeadVerdict {
  try {
    const timeoutMs = parseTimeoutMs(firstValue(metadata, 'grpc-timeout'));
    const acceptsGzip = /(^|,)\s*gzip\s*(,|$)/.test(firstValue(metadata, 'grpc-accept-encoding') ?? '');
    return { kind: 'call', head: { path: firstValue(metadata, ':path') ?? '', timeoutMs, encoding, acceptsGzip } };
  } catch (thrown) {
    const error = BrokerError.from(thrown);
    return { kind: 'grpc', code: statusOf(error.code), message: error.message, reason: 'timeout' };
  }
}
