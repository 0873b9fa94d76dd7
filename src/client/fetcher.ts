// Fetches: one message asked for, one answer. An answer names only its queue, so each fetch under way has a Streaming
// call to itself; calls are kept and used again, as closing one would give back the messages that came on it.
// Called by: ring-client.ts, one a client.
import { type Connection, finishCall } from './connection.ts';
import { errorOfStatus, gaveUp, RingError } from './errors.ts';
import type { StreamingCall, WireResponse } from './hsmq-stub.ts';
import type { FetchOptions } from './options.ts';
import { ReceivedMessage } from './received-message.ts';

/** How much longer than its timeout an answer may take, ms: the way there and back, and a busy node. */
const ANSWER_GRACE_MS = 10_000;

export class Fetcher {
  readonly #connection: Connection;
  readonly #idle: StreamingCall[] = [];
  readonly #open = new Set<StreamingCall>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async fetch(queue: string, options: FetchOptions): Promise<ReceivedMessage | undefined> {
    const { timeoutMs = 0, autoAck = false } = options;
    if (!(timeoutMs >= 0 && timeoutMs <= 0x7fffffff))
      throw new RingError(
        'invalid-argument',
        `Cannot fetch: received timeoutMs ${timeoutMs}, expected 0 to 2147483647`,
      );
    const call = this.#idle.pop() ?? this.#openCall();
    const response = answerOf(call, {
      queue,
      address: this.#connection.address,
      timeoutMs: timeoutMs + ANSWER_GRACE_MS,
    });
    call.write({ fetch_message: { queue, timeout: timeoutMs / 1000, autoack: autoAck } });
    const answer = await response;
    this.#idle.push(call);
    if (answer.kind === 'message') {
      const { message, meta } = answer.message;
      return new ReceivedMessage(message, meta, (request) => void call.write(request));
    }
    if (answer.kind === 'fetch_message_error')
      throw new RingError(
        answer.fetch_message_error.info.endsWith('not found') ? 'not-found' : 'failed-precondition',
        answer.fetch_message_error.info,
      );
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map(finishCall));
  }

  #openCall(): StreamingCall {
    const call = this.#connection.streaming();
    this.#open.add(call);
    call.on('error', () => {});
    call.on('status', () => {
      this.#open.delete(call);
      const index = this.#idle.indexOf(call);
      if (index !== -1) this.#idle.splice(index, 1);
    });
    return call;
  }
}

/** The next response that answers a fetch; the echoes of acks are passed over. */
function answerOf(
  call: StreamingCall,
  { queue, address, timeoutMs }: { queue: string; address: string; timeoutMs: number },
): Promise<WireResponse> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(cut);
      call.off('data', receive);
      call.off('status', ended);
      act();
    };
    const receive = (response: WireResponse): void => {
      if (response.kind === 'message' || response.kind.startsWith('fetch_')) settle(() => resolve(response));
    };
    const ended = (status: { code: number; details: string }): void =>
      settle(() => reject(gaveUp(errorOfStatus(status), address)));
    const cut = setTimeout(() => {
      settle(() =>
        reject(new RingError('deadline-exceeded', `No answer to a fetch of queue "${queue}" in ${timeoutMs} ms`)),
      );
      call.cancel();
    }, timeoutMs);
    call.on('data', receive);
    call.on('status', ended);
  });
}
