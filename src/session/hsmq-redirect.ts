// What an hsmq client gets that calls a draining node and named a place to go to (metadata `redirect`): that place, in
// the response of the rpc it called, and the end of the call. Unary answers are OK, as their response is the redirect;
// streams end with UNAVAILABLE, so that a client which ignores redirects calls again.
// Lives on: a shard, one a call.

import type { GrpcCall, GrpcHandler } from '../wire/grpc/method.ts';
import type { OutputBuffer } from '../wire/grpc/output-buffer.ts';
import { GRPC_STATUS } from '../wire/grpc/status.ts';
import * as responses from '../wire/hsmq/responses.ts';

/** The three responses that can carry a redirect. */
export type RedirectResponse = 'publish' | 'subscribe' | 'stream';

const WRITERS: Readonly<Record<RedirectResponse, (out: OutputBuffer, uri: string) => void>> = {
  publish: responses.writePublishRedirect,
  subscribe: responses.writeSubscriptionRedirect,
  stream: responses.writeRedirect,
};

export class HsmqRedirect implements GrpcHandler {
  constructor(call: GrpcCall, response: RedirectResponse) {
    const { redirect } = call.metadata;
    if (typeof redirect === 'string' && redirect !== '') WRITERS[response](call.out, redirect);
    if (response === 'publish') call.finish();
    else call.finish(GRPC_STATUS.unavailable, 'shutdown');
  }

  message(): void {}
  end(): void {}
  closed(): void {}
  drained(): void {}
}
