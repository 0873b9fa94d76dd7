// Calls of the echo service as promises, for the tests of what a grpc-js client sees.
import { type ClientReadableStream, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { EchoServer, Text } from './echo.ts';

export type EchoClient = ReturnType<EchoServer['client']>;

interface Outcome {
  readonly error: ServiceError | null;
  readonly reply: Text | undefined;
  readonly headers: Metadata | undefined;
  readonly trailers: Metadata;
  readonly code: number;
}

export function metadata(values: Record<string, string | Buffer>): Metadata {
  const all = new Metadata();
  for (const [name, value] of Object.entries(values)) all.set(name, value);
  return all;
}

export function unary(
  client: EchoClient,
  text: Partial<Text>,
  values: Record<string, string | Buffer> = {},
  options = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    let headers: Metadata | undefined;
    let error: ServiceError | null = null;
    let reply: Text | undefined;
    const call = client.Unary(text, metadata(values), options, (failed: ServiceError | null, value?: Text) => {
      error = failed;
      reply = value;
    });
    call.on('metadata', (received: Metadata) => {
      headers = received;
    });
    call.on('status', (end: { code: number; metadata: Metadata }) =>
      setImmediate(() => resolve({ error, reply, headers, trailers: end.metadata, code: end.code })),
    );
  });
}

export async function all(stream: ClientReadableStream<Text>): Promise<Text[]> {
  const texts: Text[] = [];
  for await (const text of stream) texts.push(text);
  return texts;
}
