// Looks through one `hsmq.v1.hsmq.Message` without decoding it: the bytes go on to consumers as they came, so every
// field is checked for form here, once, at the edge, as strictly as any consumer's decoder will. What it finds stays in
// fields until the next call.
// Lives on: a shard, inside a session's request decoder.
import { BrokerError } from '../../base/errors.ts';
import { DEDUP_ID_BYTES_MAX, NAME_BYTES_MAX, PRIORITY_MAX } from '../../base/limits.ts';
import { ProtoReader } from '../proto-reader.ts';

/** Tags (field number << 3 | wire type) of Message, Any and a map entry. */
const Tag = {
  data: 0x0a,
  topic: 0x12,
  key: 0x1a,
  headers: 0x22,
  typeUrl: 0x0a,
  value: 0x12,
  entryKey: 0x0a,
  entryValue: 0x12,
} as const;

/** Highest field number of Message; of Any and of a map entry. */
const MESSAGE_FIELD_MAX = 4;
const NESTED_FIELD_MAX = 2;

/** Headers with this prefix are options of the publish, read by the broker (and passed on like the others). */
const OPTION_PREFIX = Buffer.from('ringmq-');

export class MessageDecoder {
  topicStart = 0;
  topicEnd = 0;
  /** Time to live in ms; 0 = not given. */
  ttlMs = 0;
  /** Delay before the first delivery in ms; 0 = none. */
  delayMs = 0;
  priority = 0;
  /** Message id for deduplication, bytes `[dedupStart, dedupEnd)`; equal = none. */
  dedupStart = 0;
  dedupEnd = 0;
  readonly #reader = new ProtoReader();
  readonly #inner = new ProtoReader();

  /** Checks `bytes[start, end)` as a Message and fills the fields; throws BrokerError when it is not one. */
  decode(bytes: Buffer, start: number, end: number): void {
    this.topicStart = this.topicEnd = this.dedupStart = this.dedupEnd = 0;
    this.ttlMs = this.delayMs = this.priority = 0;
    const reader = this.#reader;
    reader.reset(bytes, start, end, 'Message');
    while (reader.at < end) {
      const tag = reader.tag();
      switch (tag) {
        case Tag.data:
          this.#data(reader.lengthEnd());
          break;
        case Tag.topic:
          this.topicEnd = reader.lengthEnd();
          this.topicStart = reader.at;
          if (this.topicEnd - this.topicStart > NAME_BYTES_MAX)
            throw tooLong('topic', this.topicEnd - this.topicStart, NAME_BYTES_MAX);
          this.#text(this.topicEnd);
          break;
        case Tag.key:
          this.#text(reader.lengthEnd());
          break;
        case Tag.headers:
          this.#header(reader.lengthEnd());
          break;
        default:
          reader.skipUnknown(tag, MESSAGE_FIELD_MAX);
      }
    }
  }

  #text(end: number): void {
    this.#reader.checkUtf8(this.#reader.at, end);
    this.#reader.at = end;
  }

  #data(end: number): void {
    const inner = this.#inner;
    inner.reset(this.#reader.bytes, this.#reader.at, end, 'Message.data');
    while (inner.at < end) {
      const tag = inner.tag();
      if (tag === Tag.value) inner.at = inner.lengthEnd();
      else if (tag === Tag.typeUrl) {
        const textEnd = inner.lengthEnd();
        inner.checkUtf8(inner.at, textEnd);
        inner.at = textEnd;
      } else inner.skipUnknown(tag, NESTED_FIELD_MAX);
    }
    this.#reader.at = end;
  }

  #header(end: number): void {
    const inner = this.#inner;
    inner.reset(this.#reader.bytes, this.#reader.at, end, 'Message.headers');
    let keyStart = 0;
    let keyEnd = 0;
    let valueStart = 0;
    let valueEnd = 0;
    while (inner.at < end) {
      const tag = inner.tag();
      if (tag !== Tag.entryKey && tag !== Tag.entryValue) {
        inner.skipUnknown(tag, NESTED_FIELD_MAX);
        continue;
      }
      const textEnd = inner.lengthEnd();
      inner.checkUtf8(inner.at, textEnd);
      if (tag === Tag.entryKey) {
        keyStart = inner.at;
        keyEnd = textEnd;
      } else {
        valueStart = inner.at;
        valueEnd = textEnd;
      }
      inner.at = textEnd;
    }
    if (startsWith(inner.bytes, keyStart, keyEnd, OPTION_PREFIX)) {
      this.#option(inner.bytes.toString('latin1', keyStart + OPTION_PREFIX.length, keyEnd), valueStart, valueEnd);
    }
    this.#reader.at = end;
  }

  /** An option header. Unknown ones are refused: a typing error must not silently mean "no time to live". */
  #option(name: string, start: number, end: number): void {
    switch (name) {
      case 'ttl-ms':
        this.ttlMs = this.#integer(name, start, end, Number.MAX_SAFE_INTEGER);
        return;
      case 'delay-ms':
        this.delayMs = this.#integer(name, start, end, Number.MAX_SAFE_INTEGER);
        return;
      case 'priority':
        this.priority = this.#integer(name, start, end, PRIORITY_MAX);
        return;
      case 'message-id':
        if (end - start > DEDUP_ID_BYTES_MAX)
          throw tooLong('header ringmq-message-id', end - start, DEDUP_ID_BYTES_MAX);
        this.dedupStart = start;
        this.dedupEnd = end;
        return;
      default:
        throw new BrokerError(
          'invalid-argument',
          `Cannot use header "ringmq-${name}": known are ` +
            'ringmq-ttl-ms, ringmq-delay-ms, ringmq-priority, ringmq-message-id',
        );
    }
  }

  #integer(name: string, start: number, end: number, max: number): number {
    const text = this.#inner.bytes.toString('latin1', start, Math.min(end, start + 32));
    const value = Number(text);
    if (!/^\d+$/.test(text) || !(value <= max)) {
      throw new BrokerError(
        'invalid-argument',
        `Cannot use header ringmq-${name}: received "${text}", expected a whole number from 0 to ${max}`,
      );
    }
    return value;
  }
}

function startsWith(bytes: Buffer, start: number, end: number, prefix: Buffer): boolean {
  if (end - start < prefix.length) return false;
  for (let index = 0; index < prefix.length; index++) if (bytes[start + index] !== prefix[index]) return false;
  return true;
}

function tooLong(what: string, size: number, max: number): BrokerError {
  return new BrokerError('invalid-argument', `Cannot use ${what}: received ${size} bytes, at most ${max} are allowed`);
}
