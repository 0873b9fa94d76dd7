// What threads say to each other over the rings. `target` and the words a-e of the envelope mean, for each operation:
//
//   operation    target   a        b         c          d e      payload
//   publish      queue    session  publish   -          -        the record; publish -1 = no answer wanted
//   confirm      session  publish  result    queue      -        result blocked: another confirm follows
//   subscribe    queue    session  prefetch  -          -        prefetch 0 = deliver nothing for now
//   unsubscribe  queue    session  -         -          -        the session is gone: unacked messages go back
//   deliver      session  queue    fetch     -          -        the record; fetch -1 = from a subscription
//   ack          queue    id words 0-3 in a-d
//   requeue      queue    id words 0-3 in a-d
//   fetch        queue    session  fetch     timeout ms -
//   fetchTimeout session  queue    fetch     -          -
//
// Between the cluster's thread and the shards, to move queues (hand-over.ts):
//
//   freeze       queue    -        -         -          -        cluster -> owner: send its image, keep nothing
//   image        queue    -        move      -          -        a chunk of an image (core/queue-image.ts), either way
//   adopted      queue    -        -         -          -        owner -> cluster: the image is complete, it serves
//   route        queue    thread   move      -          -        cluster -> shard: where the queue is from now on
//   routed       queue    -        move      -          -        shard -> cluster: its sessions go the new way
//   fence        queue    -        -         -          -        follows all that went the old way
//   fenceDone    queue    -        -         -          -        answers it: the new way is free
//   quiet        queue    -        -         -          -        follows the old owner's last deliveries to the cluster
//   abandon      queue    -        -         -          -        cluster -> shard: the rest of the image will not come
//   lane         peer     open     -         -          -        cluster -> shard: may be sent to that peer's sessions
//   throttle     session  on       queue     -          -        cluster -> shard: the session is to wait, or go on
//
// `move` is the cluster thread's number of a move. A queue moves again only when all shards have said `routed` for the
// last one: what three ways at once would do to the order of messages is not to be thought through.
//
// Word e is for whom an envelope is or from whom it comes, when that is not the thread at the other end of the ring:
// its origin (address.ts) + 1. Numbers are only ever appended: nodes of neighbouring versions will speak them too.
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
  freeze: 10,
  image: 11,
  adopted: 12,
  route: 13,
  fence: 14,
  fenceDone: 15,
  lane: 16,
  throttle: 17,
  quiet: 18,
  routed: 19,
  abandon: 20,
} as const;

/** In place of a session in a publish and its confirm: the message comes from another queue (transfers.ts). */
export const TRANSFER_SESSION = -1;
