// What a peer sent is no route message, or one that no node of this version sends. Its link is to be ended and the
// error counted: nothing of the message was applied.

export class RouteError extends Error {
  override readonly name = 'RouteError';

  constructor(what: string) {
    super(`Cannot read a route message: ${what}`);
  }
}
