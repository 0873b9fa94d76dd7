// How a message is printed: its text alone for people and pipes, or all of it as one line of JSON.
// Called by: consume-command.ts, fetch-command.ts, queue-command.ts (peek).
import { isUtf8 } from 'node:buffer';
import type { MessageContent, ReceivedMessage } from '../client/index.ts';
import { printJson, printLine, shown } from './output.ts';

/** `text` when the body is UTF-8, `base64` when it is not. */
export function bodyJson(data: Buffer): { text: string } | { base64: string } {
  return isUtf8(data) ? { text: data.toString('utf8') } : { base64: data.toString('base64') };
}

/** A message as programs get it. */
function messageJson(message: ReceivedMessage): object {
  const { id, queue, shard, topic, key, headers, typeUrl, data } = message;
  return { id, queue, shard, topic, key, headers, ...(typeUrl === '' ? {} : { typeUrl }), ...bodyJson(data) };
}

export function printMessage(message: ReceivedMessage, { json = false }: { json?: boolean }): Promise<void> {
  if (json) return printJson(messageJson(message));
  return printLine(textOf(message));
}

/** Text as it is for a pipe; on a terminal its control characters are shown, not obeyed. Bytes as base64. */
function textOf({ data }: Pick<MessageContent, 'data'>): string {
  const body = bodyJson(data);
  if ('base64' in body) return body.base64;
  return process.stdout.isTTY === true ? body.text.split('\n').map(shown).join('\n') : body.text;
}
