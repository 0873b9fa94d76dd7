// The hsmq messages of the load generator as bytes. A publish is a template per queue, patched in three places
// (time, number, request id); a delivery is read only as far as the payload and the meta that its ack repeats.
//
// Payload: 8 bytes time of sending (double, ms) | 4 bytes number of the message | filler up to the size asked for.

/** The smallest payload: time and number. */
export const PAYLOAD_BYTES_MIN = 12;

const REQUEST_ID_DIGITS = 8;

export interface PublishTemplate {
  readonly bytes: Buffer;
  readonly payloadAt: number;
  readonly requestIdAt: number;
}

/** Request{4 publish_message: PublishMessage{1 message, 2 qos, 3 request_id}}. */
export function publishTemplate(options: { topic: string; payloadBytes: number; qos: number }): PublishTemplate {
  const payload = Buffer.alloc(options.payloadBytes, 'x');
  const data = field(2, payload);
  const message = Buffer.concat([field(1, data), field(2, Buffer.from(options.topic))]);
  const requestId = Buffer.alloc(REQUEST_ID_DIGITS, '0');
  const qos = options.qos === 0 ? Buffer.alloc(0) : Buffer.from([0x10, options.qos]);
  const bytes = field(4, Buffer.concat([field(1, message), qos, field(3, requestId)]));
  return { bytes, payloadAt: bytes.indexOf(payload), requestIdAt: bytes.length - REQUEST_ID_DIGITS };
}

/** Writes a publish at `target[at]`. Positional: called once per message. */
export function writePublish(
  template: PublishTemplate,
  target: Buffer,
  at: number,
  sentMs: number,
  number: number,
): void {
  template.bytes.copy(target, at);
  const payloadAt = at + template.payloadAt;
  target.writeDoubleLE(sentMs, payloadAt);
  target.writeUInt32LE(number, payloadAt + 8);
  let rest = number;
  for (let digit = at + template.requestIdAt + REQUEST_ID_DIGITS - 1; rest > 0; digit--) {
    target[digit] = HEX.charCodeAt(rest & 15);
    rest >>>= 4;
  }
}

const HEX = '0123456789abcdef';

/** Request{1 subscribe_queue: SubscribeQueue{1 queues, 2 prefetch_count}}. */
export function subscribeRequest(queues: readonly string[], prefetch: number): Buffer {
  const names = queues.map((queue) => field(1, Buffer.from(queue)));
  return field(1, Buffer.concat([...names, Buffer.from([0x10]), varint(prefetch)]));
}

export const ResponseKind = { message: 1, redirect: 2, pubAck: 3, pubError: 6, ack: 8 } as const;

/** What is needed of one Response; one object is filled again and again. */
export class ResponseReader {
  kind = 0;
  sentMs = 0;
  number = 0;
  /** The ack for the delivery, ready to send; valid until the next read(). */
  ack: Buffer = Buffer.alloc(0);
  readonly #ackBytes = Buffer.alloc(1024);
  #at = 0;

  read(bytes: Buffer, start: number, end: number): void {
    this.kind = bytes[start] >> 3;
    if (this.kind !== ResponseKind.message) return;
    this.#at = start + 1;
    this.#varint(bytes);
    while (this.#at < end) {
      const tag = bytes[this.#at++];
      const size = this.#varint(bytes);
      if (tag === 0x0a) this.#readMessage(bytes, this.#at, this.#at + size);
      else if (tag === 0x12) this.#makeAck(bytes, this.#at, size);
      this.#at += size;
    }
  }

  /** Message{1 data: Any{2 value}}: the payload is found, the rest skipped. */
  #readMessage(bytes: Buffer, start: number, end: number): void {
    const back = start;
    this.#at = start;
    while (this.#at < end) {
      const tag = bytes[this.#at++];
      const size = this.#varint(bytes);
      if (tag !== 0x0a) {
        this.#at += size;
        continue;
      }
      const dataEnd = this.#at + size;
      while (this.#at < dataEnd) {
        const dataTag = bytes[this.#at++];
        const dataSize = this.#varint(bytes);
        if (dataTag === 0x12 && dataSize >= PAYLOAD_BYTES_MIN) {
          this.sentMs = bytes.readDoubleLE(this.#at);
          this.number = bytes.readUInt32LE(this.#at + 8);
        }
        this.#at += dataSize;
      }
    }
    this.#at = back;
  }

  /** Request{2 message_ack: MessageAck{1 meta}}: the meta comes back as it was sent. */
  #makeAck(bytes: Buffer, at: number, size: number): void {
    if (size > 120) {
      this.ack = field(2, field(1, bytes.subarray(at, at + size)));
      return;
    }
    const ack = this.#ackBytes;
    ack[0] = 0x12;
    ack[1] = size + 2;
    ack[2] = 0x0a;
    ack[3] = size;
    bytes.copy(ack, 4, at, at + size);
    this.ack = ack.subarray(0, size + 4);
  }

  #varint(bytes: Buffer): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[this.#at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }
}

function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}
