// hsmq's service as the gRPC door serves it: a session for each call, all on the broker of this shard.
// Lives on: a shard.
import type { BrokerPort } from '../core/broker-port.ts';
import { HsmqPublish, HsmqPublishQos0 } from '../session/hsmq-publish.ts';
import { HsmqRedirect, type RedirectResponse } from '../session/hsmq-redirect.ts';
import { HsmqStream } from '../session/hsmq-stream.ts';
import { HsmqSubscribe } from '../session/hsmq-subscribe.ts';
import { MessageLimit, type MessageLimitOptions } from '../session/message-limit.ts';
import type { GrpcCall, GrpcHandler, GrpcMethod } from '../wire/grpc/method.ts';

const SERVICE = 'hsmq.v1.hsmq.HSMQ';

/** What a method is served by, and which of the responses its redirect goes into. */
interface Served {
  readonly redirect: RedirectResponse;
  readonly session: (call: GrpcCall) => GrpcHandler;
}

/** The four rpcs of the service. */
export function hsmqMethods(broker: BrokerPort, options: MessageLimitOptions): GrpcMethod[] {
  const limit = new MessageLimit(options);
  const open = ({ redirect, session }: Served) => ({
    redirects: true,
    open: (call: GrpcCall) => (broker.draining ? new HsmqRedirect(call, redirect) : session(call)),
  });
  return [
    {
      path: `/${SERVICE}/Publish`,
      requestStream: false,
      responseStream: false,
      ...open({ redirect: 'publish', session: (call) => new HsmqPublish(broker, call, { limit }) }),
    },
    {
      path: `/${SERVICE}/PublishQos0`,
      requestStream: true,
      responseStream: false,
      ...open({ redirect: 'publish', session: (call) => new HsmqPublishQos0(broker, call, { limit }) }),
    },
    {
      path: `/${SERVICE}/SubscribeQueue`,
      requestStream: false,
      responseStream: true,
      ...open({ redirect: 'subscribe', session: (call) => new HsmqSubscribe(broker, call) }),
    },
    {
      path: `/${SERVICE}/Streaming`,
      requestStream: true,
      responseStream: true,
      ...open({ redirect: 'stream', session: (call) => new HsmqStream(broker, call, { limit }) }),
    },
  ];
}
