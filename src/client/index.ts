// The public entry of the client library.
//
//   const client = await RingClient.connect({ address: '127.0.0.1:4848' });
//   await client.publish('orders', JSON.stringify({ id: 1 }));
//   for await (const message of client.consume('orders', { prefetch: 100 })) message.ack();
export { RingError, type RingErrorCode } from './errors.ts';
export type { ConsumeOptions, FetchOptions, PublishOptions, RingClientOptions, TlsOptions } from './options.ts';
export type { MessageData } from './outgoing-message.ts';
export type { Qos0Stream } from './qos0-stream.ts';
export { decodeContent, type MessageContent, type ReceivedMessage } from './received-message.ts';
export { type PublishedMessage, RingClient } from './ring-client.ts';
