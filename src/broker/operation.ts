// What shards say to each other over the rings. `target` and the words a-e of the envelope mean, for each operation:
//
//   operation    target   a        b         c          d e      payload
//   publish      queue    session  publish   -          -        the record; publish -1 = no answer wanted
//   confirm      session  publish  result    queue      -          result blocked: another confirm follows
//   subscribe    queue    session  prefetch  -          -        prefetch 0 = deliver nothing for now
//   unsubscribe  queue    session  -         -          -        the session is gone: unacked messages go back
//   deliver      session  queue    fetch     -          -        the record; fetch -1 = from a subscription
//   ack          queue    id words 0-3 in a-d
//   requeue      queue    id words 0-3 in a-d
//   fetch        queue    session  fetch     timeout ms -
//   fetchTimeout session  queue    fetch     -          -
//
// Numbers are only ever appended: nodes of neighbouring versions will speak them too.
export const Operation = {
  publish: 1,
  confirm: 2,
  subscribe: 3,
  unsubscribe: 4,
  deliver: 5,
  ack: 6,
  requeue: 7,
  fetch: 8,
  fetchTimeout: 9,
} as const;

/** In place of a session in a publish and its confirm: the message comes from another queue (transfers.ts). */
export const TRANSFER_SESSION = -1;
