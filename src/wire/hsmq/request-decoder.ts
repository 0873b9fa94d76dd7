// Decodes one `hsmq.v1.hsmq.Request` in place: which kind it is, and where its parts lie in the chunk it came in.
// Nothing is copied and nothing allocated for a publish, an ack or a requeue. Results stay in fields until the next
// call.
// Lives on: a shard, one for each hsmq session.

import { BrokerError } from '../../base/errors.ts';
import { REQUEST_ID_BYTES_MAX } from '../../base/limits.ts';
import { ProtoReader } from '../proto-reader.ts';
import { MessageDecoder } from './message-decoder.ts';

/** Kinds of Request by the field number of its oneof; `none` is an empty Request. */
export const RequestKind = {
  none: 0,
  subscribeQueue: 1,
  messageAck: 2,
  messageRequeue: 3,
  publishMessage: 4,
  fetchMessage: 5,
  ping: 6,
} as const;

const BYTES_FIELD = 2;

export class RequestDecoder {
  kind: number = RequestKind.none;
  /** publishMessage: the Message, and what was found in it. */
  messageStart = 0;
  messageEnd = 0;
  qos = 0;
  requestIdStart = 0;
  requestIdEnd = 0;
  readonly message = new MessageDecoder();
  /** messageAck, messageRequeue: the whole MessageAck, the meta's id and queue name. */
  bodyStart = 0;
  bodyEnd = 0;
  idStart = 0;
  idEnd = 0;
  queueStart = 0;
  queueEnd = 0;
  /** subscribeQueue and SubscribeQueueRequest. */
  queues: string[] = [];
  prefetch = 0;
  /** fetchMessage. */
  queue = '';
  timeoutSeconds = 0;
  autoack = false;
  readonly #reader = new ProtoReader();

  /** Decodes `bytes[start, end)` as a Request; throws BrokerError when it is malformed. */
  decodeRequest(bytes: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    reader.reset(bytes, start, end, 'Request');
    this.kind = RequestKind.none;
    while (reader.at < end) {
      const tag = reader.tag();
      const field = tag >>> 3;
      if ((tag & 7) === BYTES_FIELD && field >= RequestKind.subscribeQueue && field <= RequestKind.ping) {
        this.bodyEnd = reader.lengthEnd();
        this.bodyStart = reader.at;
        reader.at = this.bodyEnd;
        this.kind = field;
      } else reader.skip(tag);
    }
    this.#body(bytes);
  }

  #body(bytes: Buffer): void {
    switch (this.kind) {
      case RequestKind.publishMessage:
        this.#publish(bytes);
        return;
      case RequestKind.messageAck:
      case RequestKind.messageRequeue:
        this.#settle(bytes);
        return;
      case RequestKind.subscribeQueue:
        this.decodeSubscribe(bytes, this.bodyStart, this.bodyEnd);
        return;
      case RequestKind.fetchMessage:
        this.#fetch(bytes);
        return;
    }
  }

  /** Decodes a bare Message (rpcs Publish and PublishQos0): the same fields as for publishMessage. */
  decodeMessage(bytes: Buffer, start: number, end: number): void {
    this.messageStart = start;
    this.messageEnd = end;
    this.qos = 0;
    this.requestIdStart = this.requestIdEnd = 0;
    this.message.decode(bytes, start, end);
  }

  #publish(bytes: Buffer): void {
    const reader = this.#reader;
    const end = this.bodyEnd;
    reader.reset(bytes, this.bodyStart, end, 'PublishMessage');
    this.messageStart = this.messageEnd = this.requestIdStart = this.requestIdEnd = this.qos = 0;
    while (reader.at < end) {
      const tag = reader.tag();
      switch (tag) {
        case 0x0a:
          this.messageEnd = reader.lengthEnd();
          this.messageStart = reader.at;
          reader.at = this.messageEnd;
          break;
        case 0x10:
          this.qos = reader.varint();
          break;
        case 0x1a:
          this.requestIdEnd = reader.lengthEnd();
          this.requestIdStart = reader.at;
          reader.checkUtf8(reader.at, this.requestIdEnd);
          reader.at = this.requestIdEnd;
          break;
        default:
          reader.skip(tag);
      }
    }
    const idBytes = this.requestIdEnd - this.requestIdStart;
    if (idBytes > REQUEST_ID_BYTES_MAX) {
      throw new BrokerError(
        'invalid-argument',
        `Cannot use request_id: received ${idBytes} bytes, at most ${REQUEST_ID_BYTES_MAX} are allowed`,
      );
    }
    this.message.decode(bytes, this.messageStart, this.messageEnd);
  }

  /**
   * MessageAck and MessageRequeue have one field, the meta; of the meta we need the id and the queue. An ack is echoed
   * as it came, so it is checked like a Message.
   */
  #settle(bytes: Buffer): void {
    const reader = this.#reader;
    reader.reset(bytes, this.bodyStart, this.bodyEnd, 'MessageAck');
    this.idStart = this.idEnd = this.queueStart = this.queueEnd = 0;
    while (reader.at < this.bodyEnd) {
      const tag = reader.tag();
      if (tag === 0x0a) this.#meta(reader.lengthEnd());
      else reader.skipUnknown(tag, 1);
    }
  }

  #meta(end: number): void {
    const reader = this.#reader;
    while (reader.at < end) {
      const tag = reader.tag();
      if (tag !== 0x0a && tag !== 0x12 && tag !== 0x1a) {
        reader.skipUnknown(tag, 3);
        continue;
      }
      const fieldEnd = reader.lengthEnd();
      reader.checkUtf8(reader.at, fieldEnd);
      if (tag === 0x0a) {
        this.idStart = reader.at;
        this.idEnd = fieldEnd;
      } else if (tag === 0x12) {
        this.queueStart = reader.at;
        this.queueEnd = fieldEnd;
      }
      reader.at = fieldEnd;
    }
    if (reader.at !== end) throw reader.malformed('MessageMeta ends inside a field');
  }

  /** Decodes SubscribeQueue and SubscribeQueueRequest (which has no prefetch). */
  decodeSubscribe(bytes: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    reader.reset(bytes, start, end, 'SubscribeQueue');
    this.queues = [];
    this.prefetch = 0;
    while (reader.at < end) {
      const tag = reader.tag();
      if (tag === 0x0a) this.queues.push(reader.string());
      else if (tag === 0x10) this.prefetch = reader.varint() | 0;
      else reader.skip(tag);
    }
  }

  #fetch(bytes: Buffer): void {
    const reader = this.#reader;
    reader.reset(bytes, this.bodyStart, this.bodyEnd, 'FetchMessage');
    this.queue = '';
    this.timeoutSeconds = 0;
    this.autoack = false;
    while (reader.at < this.bodyEnd) {
      const tag = reader.tag();
      if (tag === 0x0a) this.queue = reader.string();
      else if (tag === 0x15) this.timeoutSeconds = reader.float();
      else if (tag === 0x18) this.autoack = reader.varint() !== 0;
      else reader.skip(tag);
    }
  }
}
