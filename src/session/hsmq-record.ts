// Assembles the record of an hsmq publish from the bytes of its Message, which become the body as they are.
// Pure. Called by the hsmq sessions, once a publish.
import { copyBytes } from '../base/copy-bytes.ts';
import type { BrokerPort } from '../core/broker-port.ts';
import {
  alignedSize,
  BodyFormat,
  DOUBLE_DELIVER_AT_MS,
  DOUBLE_EXPIRE_AT_MS,
  DOUBLE_PUBLISH_MS,
  packTags,
  RECORD_HEADER_BYTES,
  type RecordMemory,
  WORD_BODY_SIZE,
  WORD_DEDUP,
  WORD_HEADERS_SIZE,
  WORD_ID,
  WORD_SIZE,
  WORD_TAGS,
  WORD_TOPIC_KEY,
} from '../core/record.ts';
import type { RequestDecoder } from '../wire/hsmq/request-decoder.ts';

/** Writes the record of the decoded publish in `bytes` and returns its memory; the record is at offset 0. */
export function assembleRecord(broker: BrokerPort, decoded: RequestDecoder, bytes: Buffer): RecordMemory {
  const message = decoded.message;
  const topicSize = message.topicEnd - message.topicStart;
  const dedupSize = message.dedupEnd - message.dedupStart;
  const bodySize = decoded.messageEnd - decoded.messageStart;
  const size = alignedSize(RECORD_HEADER_BYTES + topicSize + dedupSize + bodySize);
  const memory = broker.recordMemory(size);
  const nowMs = broker.nowMs();
  const words = memory.words;
  words[WORD_SIZE] = size;
  words[WORD_TAGS] = packTags(BodyFormat.hsmq, decoded.qos === 0 ? 0 : 1, message.priority);
  memory.doubles[DOUBLE_PUBLISH_MS] = nowMs;
  memory.doubles[DOUBLE_EXPIRE_AT_MS] = message.ttlMs === 0 ? 0 : nowMs + message.ttlMs;
  memory.doubles[DOUBLE_DELIVER_AT_MS] = message.delayMs === 0 ? 0 : nowMs + message.delayMs;
  broker.nextId(words, WORD_ID);
  words[WORD_TOPIC_KEY] = topicSize;
  words[WORD_DEDUP] = dedupSize;
  words[WORD_HEADERS_SIZE] = 0;
  words[WORD_BODY_SIZE] = bodySize;
  let at = copyBytes(memory.bytes, RECORD_HEADER_BYTES, bytes, message.topicStart, message.topicEnd);
  if (dedupSize > 0) at = copyBytes(memory.bytes, at, bytes, message.dedupStart, message.dedupEnd);
  copyBytes(memory.bytes, at, bytes, decoded.messageStart, decoded.messageEnd);
  return memory;
}
