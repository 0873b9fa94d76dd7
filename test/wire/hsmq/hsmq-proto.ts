// The same messages by a library, from the published proto: the oracle for our codec.
import { fileURLToPath } from 'node:url';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';

type Method = MethodDefinition<object, object>;

const definition = loadSync(fileURLToPath(new URL('../../../config/proto/hsmq.proto', import.meta.url)), {
  keepCase: true,
  longs: Number,
  defaults: false,
  oneofs: true,
});

const service = definition['hsmq.v1.hsmq.HSMQ'] as unknown as Record<string, Method>;

/** One rpc of the service with its library (de)serialisers. */
export function method(name: 'Publish' | 'PublishQos0' | 'SubscribeQueue' | 'Streaming'): Method {
  return service[name];
}

export function encodeRequest(request: object): Buffer {
  return method('Streaming').requestSerialize(request);
}

export function encodeMessage(message: object): Buffer {
  return method('Publish').requestSerialize(message);
}
