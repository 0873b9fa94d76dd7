// Reads the JSON body of a request, within a limit that is checked before and while bytes come in.
// Lives on: main. Called by: admin-server.ts.
import type { IncomingMessage } from 'node:http';
import { ADMIN_LIMITS } from '../base/limits.ts';
import { HttpError } from './answer.ts';

/** The parsed body; undefined when it is empty. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  if (Number(request.headers['content-length'] ?? 0) > ADMIN_LIMITS.bodyBytesMax) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop must not destroy the socket: the refusal still has to be written to it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ADMIN_LIMITS.bodyBytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  return parseJson(Buffer.concat(chunks));
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new HttpError(400, 'invalid-argument', {
      message: `Cannot read the request as JSON: ${(error as Error).message.slice(0, 200)}`,
    });
  }
}

function tooLarge(): HttpError {
  return new HttpError(413, 'resource-exhausted', {
    message: `Cannot read the request: its body is larger than ${ADMIN_LIMITS.bodyBytesMax} bytes`,
  });
}
