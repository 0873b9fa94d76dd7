// hsmq's service as the gRPC door serves it: a session for each call, all on the broker of this shard.
// Lives on: a shard.
import type { BrokerPort } from '../core/broker-port.ts';
import { HsmqPublish, HsmqPublishQos0 } from '../session/hsmq-publish.ts';
import { HsmqStream } from '../session/hsmq-stream.ts';
import { HsmqSubscribe } from '../session/hsmq-subscribe.ts';
import type { GrpcMethod } from '../wire/grpc/method.ts';

/** Full name of the service, as health checks and reflection know it. */
export const HSMQ_SERVICE = 'hsmq.v1.hsmq.HSMQ';

/** The four rpcs of wire.md section 1. */
export function hsmqMethods(broker: BrokerPort): GrpcMethod[] {
  return [
    {
      path: `/${HSMQ_SERVICE}/Publish`,
      requestStream: false,
      responseStream: false,
      open: (call) => new HsmqPublish(broker, call),
    },
    {
      path: `/${HSMQ_SERVICE}/PublishQos0`,
      requestStream: true,
      responseStream: false,
      open: (call) => new HsmqPublishQos0(broker, call),
    },
    {
      path: `/${HSMQ_SERVICE}/SubscribeQueue`,
      requestStream: false,
      responseStream: true,
      open: (call) => new HsmqSubscribe(broker, call),
    },
    {
      path: `/${HSMQ_SERVICE}/Streaming`,
      requestStream: true,
      responseStream: true,
      open: (call) => new HsmqStream(broker, call),
    },
  ];
}
