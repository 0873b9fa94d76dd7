// What nodes say to each other on the link of records, beside the operations of the rings (broker/operation.ts), which
// keep their meaning: `target` is the queue's number at its owner or a session's number at its edge, word e is the
// shard of the session + 1. Operations of the rings stay below 64. Each of these carries a note (note.ts).
//
//   operation  from -> to       target  says
//   name       any -> any       number  the name of the node that has this number at the sender
//   prepare    owner -> target  -       a queue is to come
//   ready      target -> owner  -       its number there
//   refuse     target -> owner  -       why it cannot come
//   moved      owner -> edge    queue   it goes; what was sent for it before has all been sent
//   movedAck   edge -> owner    queue   nothing more for the queue comes from here
//   final      owner -> target  queue   the image is complete, and all that was late has been sent on
//   go         target -> edge   -       the queue serves there
//   numbered   target -> edge   -       the queue's number there, before its first answer
//   tell       owner -> target  -       another edge, which came late, is to be told `go`
//
// What came late to an owner is sent on to the next one under its own number + LATE, word e being the origin of its
// session at the sender + 1.
export const LinkOperation = {
  name: 64,
  prepare: 65,
  ready: 66,
  refuse: 67,
  moved: 68,
  movedAck: 69,
  final: 70,
  go: 71,
  tell: 72,
  numbered: 73,
} as const;

export const LATE = 128;
