// What a route answers, before it is written to a socket, and the errors that only HTTP knows. Everything a client is
// told about an error has one form: {"error":{"code","message"}}.
// Lives on: main. Called by: routes (make answers), admin-server.ts (writes them).
import { BrokerError } from '../base/errors.ts';
import { HTTP_STATUS } from './http-status.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A request that HTTP itself refuses: wrong method, wrong content type, wrong Host. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, options: { message: string; headers?: Readonly<Record<string, string>> }) {
    super(options.message);
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
  }
}

export function jsonAnswer(value: unknown, status = 200): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: `${JSON.stringify(value)}\n`,
  };
}

/** The answer to anything thrown. What was not expected is told without its text. */
export function errorAnswer(thrown: unknown): Answer {
  const { status, headers, code, message } = thrown instanceof HttpError ? thrown : brokerFailure(thrown);
  const answer = jsonAnswer({ error: { code, message } }, status);
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

function brokerFailure(thrown: unknown): Pick<HttpError, 'status' | 'headers' | 'code' | 'message'> {
  const { code, message } = BrokerError.from(thrown);
  const headers: Record<string, string> = code === 'unauthenticated' ? { 'www-authenticate': 'Bearer' } : {};
  return { status: HTTP_STATUS[code], code, message, headers };
}
