// Tags of frames under a shared key: HMAC-SHA256, truncated to 16 bytes, over a counter, the frame's head and its
// body. The counter is never sent: each side counts the frames of each direction by itself, and each direction of each
// connection has a key of its own. So a frame that is repeated, left out, moved, sent back to where it came from, or
// taken from another connection has a tag that nobody computes, and the link ends.
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { FRAME_HEAD_BYTES, TAG_BYTES } from './frame.ts';
import { LinkError } from './link-error.ts';

/** One direction of one connection. */
class Direction {
  readonly #key: KeyObject;
  /** Frames tagged so far; as a double it is exact for longer than any connection lives. */
  #count = 0;
  readonly #counter = Buffer.alloc(8);

  constructor(key: Buffer) {
    this.#key = createSecretKey(key);
  }

  next(head: Uint8Array, body: Uint8Array): Buffer {
    this.#counter.writeDoubleLE(this.#count++);
    return createHmac('sha256', this.#key).update(this.#counter).update(head).update(body).digest();
  }
}

export class FrameSealer {
  readonly #direction: Direction;

  constructor(key: Buffer) {
    this.#direction = new Direction(key);
  }

  /** Writes the tag into the last 16 bytes of a whole frame. Frames are sealed in the order they are written. */
  seal(frame: Buffer): void {
    const end = frame.length - TAG_BYTES;
    const tag = this.#direction.next(frame.subarray(0, FRAME_HEAD_BYTES), frame.subarray(FRAME_HEAD_BYTES, end));
    frame.set(tag.subarray(0, TAG_BYTES), end);
  }
}

export class FrameOpener {
  readonly #direction: Direction;

  constructor(key: Buffer) {
    this.#direction = new Direction(key);
  }

  /** Throws unless the tag is the one of this frame at this place. */
  open(head: Uint8Array, body: Uint8Array, tag: Uint8Array): void {
    const wanted = this.#direction.next(head, body).subarray(0, TAG_BYTES);
    if (tag.length === TAG_BYTES && timingSafeEqual(wanted, tag)) return;
    throw new LinkError('bad-tag', 'Cannot accept a frame: its tag is not of this key, place and direction');
  }
}
