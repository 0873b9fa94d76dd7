// hsmq's service as grpc-js sees it, loaded from the published proto at run time, with types for what the library uses.
// The only file that knows grpc-js' loading; works from src/ and from dist/src/, which have config/ at the same
// distance.
// Called by: connection.ts, received-message.ts.
import { fileURLToPath } from 'node:url';
import {
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientWritableStream,
  loadPackageDefinition,
  type Metadata,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export interface WireMessage {
  readonly topic: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: { readonly type_url: string; readonly value: Buffer } | null;
}

export interface WireMeta {
  readonly id: string;
  readonly queue: string;
  readonly shard: string;
}

/** A request of Streaming: exactly one field is set. */
export type WireRequest =
  | { readonly subscribe_queue: { readonly queues: readonly string[]; readonly prefetch_count: number } }
  | { readonly message_ack: { readonly meta: WireMeta } }
  | { readonly message_requeue: { readonly meta: WireMeta } }
  | { readonly publish_message: { readonly message: WireMessage; readonly qos: number; readonly request_id: string } }
  | { readonly fetch_message: { readonly queue: string; readonly timeout: number; readonly autoack: boolean } }
  | { readonly ping: object };

/** A response of Streaming; `kind` names the field that is set. */
export type WireResponse =
  | { readonly kind: 'message'; readonly message: { readonly message: WireMessage; readonly meta: WireMeta } }
  | { readonly kind: 'redirect'; readonly redirect: { readonly grpc_uri: string } }
  | { readonly kind: 'pub_ack'; readonly pub_ack: { readonly request_id: string } }
  | { readonly kind: 'pub_error'; readonly pub_error: { readonly info: string; readonly request_id: string } }
  | { readonly kind: 'fetch_message_timeout'; readonly fetch_message_timeout: { readonly queue: string } }
  | { readonly kind: 'fetch_message_error'; readonly fetch_message_error: { readonly info: string } }
  | { readonly kind: 'pong' }
  | { readonly kind: 'message_ack' };

export interface WirePublishResponse {
  readonly kind: 'count' | 'message_meta' | 'redirect';
  readonly count?: number;
  readonly message_meta?: WireMeta;
}

export type StreamingCall = ClientDuplexStream<WireRequest, WireResponse>;
type Answered = (error: ServiceError | null, response: WirePublishResponse) => void;

export interface HsmqStub extends Client {
  Publish(message: WireMessage, metadata: Metadata, options: { deadline: Date }, answered: Answered): void;
  PublishQos0(metadata: Metadata, answered: Answered): ClientWritableStream<WireMessage>;
  Streaming(metadata: Metadata): StreamingCall;
}

type StubConstructor = new (address: string, credentials: ChannelCredentials, options: object) => HsmqStub;

const PROTO = fileURLToPath(new URL('../../config/proto/hsmq.proto', import.meta.url));
const definition = loadSync(PROTO, { keepCase: true, longs: Number, defaults: true, oneofs: true });
const service = loadPackageDefinition(definition) as unknown as { hsmq: { v1: { hsmq: { HSMQ: StubConstructor } } } };

export const HsmqStub: StubConstructor = service.hsmq.v1.hsmq.HSMQ;

/** Decodes a whole hsmq.v1.hsmq.Message: the body of a message as the broker keeps it. */
export function decodeWireMessage(bytes: Buffer): WireMessage {
  const { Publish } = definition['hsmq.v1.hsmq.HSMQ'] as ServiceDefinition;
  return Publish.requestDeserialize(bytes) as WireMessage;
}
