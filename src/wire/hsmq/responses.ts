// Writes hsmq's responses, framed, into a call's output. Sizes are computed first, so that each message is written
// once, front to back. The Message inside a delivery is spliced in as its publisher sent it.
// Lives on: a shard. Called by: session/hsmq-*.
import { copyBytes } from '../../base/copy-bytes.ts';
import { UUID_TEXT_BYTES, writeUuid } from '../../base/uuid.ts';
import { FRAME_HEADER_BYTES } from '../grpc/frame.ts';
import type { OutputBuffer } from '../grpc/output-buffer.ts';

/** Tags of Response's oneof. */
const Tag = {
  message: 0x0a,
  redirect: 0x12,
  pubAck: 0x1a,
  fetchTimeout: 0x22,
  fetchError: 0x2a,
  pubError: 0x32,
  pong: 0x3a,
  messageAck: 0x42,
} as const;

/** Bytes of a varint. */
function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Writes a varint and returns the offset behind it. */
function writeVarint(bytes: Buffer, position: number, value: number): number {
  let at = position;
  let rest = value;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

function writeHeader(out: OutputBuffer, length: number): number {
  out.reserve(FRAME_HEADER_BYTES + length);
  const bytes = out.bytes;
  const position = out.position;
  bytes[position] = 0;
  bytes[position + 1] = length >>> 24;
  bytes[position + 2] = length >>> 16;
  bytes[position + 3] = length >>> 8;
  bytes[position + 4] = length;
  return position + FRAME_HEADER_BYTES;
}

/** Response.message: the Message `source[start, end)` with its meta. Hot: positional on purpose. */
export function writeDelivery(
  out: OutputBuffer,
  source: Buffer,
  start: number,
  end: number,
  idWords: Int32Array,
  idFrom: number,
  metaSuffix: Buffer,
): void {
  const messageSize = end - start;
  const metaSize = 2 + UUID_TEXT_BYTES + metaSuffix.length;
  const innerSize = 2 + varintBytes(messageSize) + messageSize + varintBytes(metaSize) + metaSize;
  let at = writeHeader(out, 1 + varintBytes(innerSize) + innerSize);
  const bytes = out.bytes;
  bytes[at++] = Tag.message;
  at = writeVarint(bytes, at, innerSize);
  bytes[at++] = 0x0a;
  at = writeVarint(bytes, at, messageSize);
  at = copyBytes(bytes, at, source, start, end);
  bytes[at++] = 0x12;
  at = writeVarint(bytes, at, metaSize);
  at = writeMeta(bytes, at, idWords, idFrom, metaSuffix);
  out.position = at;
}

/** MessageMeta's fields: id, then queue and shard as encoded in the suffix. */
function writeMeta(bytes: Buffer, position: number, idWords: Int32Array, idFrom: number, metaSuffix: Buffer): number {
  bytes[position] = 0x0a;
  bytes[position + 1] = UUID_TEXT_BYTES;
  writeUuid(bytes, position + 2, idWords, idFrom);
  return copyBytes(bytes, position + 2 + UUID_TEXT_BYTES, metaSuffix, 0, metaSuffix.length);
}

/** SubscriptionResponse.message. */
export function writeSubscriptionMessage(out: OutputBuffer, source: Buffer, start: number, end: number): void {
  writeNested(out, Tag.message, source, start, end);
}

/** Response.message_ack: the client's own MessageAck `source[start, end)`, echoed. */
export function writeMessageAck(out: OutputBuffer, source: Buffer, start: number, end: number): void {
  writeNested(out, Tag.messageAck, source, start, end);
}

function writeNested(out: OutputBuffer, tag: number, source: Buffer, start: number, end: number): void {
  const size = end - start;
  const at = writeHeader(out, 1 + varintBytes(size) + size);
  out.bytes[at] = tag;
  out.position = copyBytes(out.bytes, writeVarint(out.bytes, at + 1, size), source, start, end);
}

/** Response.pub_ack for a request id that still lies in the request's bytes. */
export function writePubAck(out: OutputBuffer, source: Buffer, start: number, end: number): void {
  const size = end - start;
  const innerSize = size === 0 ? 0 : 1 + varintBytes(size) + size;
  let at = writeHeader(out, 1 + varintBytes(innerSize) + innerSize);
  const bytes = out.bytes;
  bytes[at++] = Tag.pubAck;
  at = writeVarint(bytes, at, innerSize);
  if (size > 0) {
    bytes[at++] = 0x0a;
    at = copyBytes(bytes, writeVarint(bytes, at, size), source, start, end);
  }
  out.position = at;
}

/** A length-delimited protobuf field of text or bytes. For cold paths: allocates. */
function field(number: number, value: string | Buffer): Buffer {
  const content = typeof value === 'string' ? Buffer.from(value) : value;
  const header = Buffer.allocUnsafe(10);
  let at = writeVarint(header, 0, (number << 3) | 2);
  at = writeVarint(header, at, content.length);
  return Buffer.concat([header.subarray(0, at), content]);
}

/** Text fields in order of their numbers; empty ones are left out, as proto3 does. */
function textFields(...values: readonly string[]): Buffer {
  return Buffer.concat(values.map((value, index) => (value === '' ? Buffer.alloc(0) : field(index + 1, value))));
}

/** Response.pub_error. */
export function writePubError(out: OutputBuffer, info: string, topic: string, requestId: string): void {
  out.append(field(Tag.pubError >> 3, textFields(info, topic, requestId)));
}

/** Response.fetch_message_timeout. */
export function writeFetchTimeout(out: OutputBuffer, queue: string): void {
  out.append(field(Tag.fetchTimeout >> 3, textFields(queue)));
}

/** Response.fetch_message_error. */
export function writeFetchError(out: OutputBuffer, info: string, queue: string): void {
  out.append(field(Tag.fetchError >> 3, textFields(info, queue)));
}

/** Response.pong. */
export function writePong(out: OutputBuffer): void {
  out.append(Buffer.from([Tag.pong, 0]));
}

/** Response.redirect. */
export function writeRedirect(out: OutputBuffer, uri: string): void {
  out.append(field(Tag.redirect >> 3, textFields(uri)));
}

/** SubscriptionResponse.redirect (its oneof has the redirect as field 2). */
export function writeSubscriptionRedirect(out: OutputBuffer, uri: string): void {
  out.append(field(2, textFields(uri)));
}

/** PublishResponse.redirect. */
export function writePublishRedirect(out: OutputBuffer, uri: string): void {
  out.append(field(3, textFields(uri)));
}

/** PublishResponse.count. */
export function writePublishCount(out: OutputBuffer, count: number): void {
  const bytes = Buffer.alloc(12);
  bytes[0] = 0x08;
  let at = 1;
  let rest = BigInt(count);
  while (rest > 0x7fn) {
    bytes[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  bytes[at++] = Number(rest);
  out.append(bytes.subarray(0, at));
}

/** PublishResponse.message_meta. */
export function writePublishMeta(out: OutputBuffer, idWords: Int32Array, idFrom: number, metaSuffix: Buffer): void {
  const metaSize = 2 + UUID_TEXT_BYTES + metaSuffix.length;
  const at = writeHeader(out, 1 + varintBytes(metaSize) + metaSize);
  out.bytes[at] = 0x12;
  out.position = writeMeta(out.bytes, writeVarint(out.bytes, at + 1, metaSize), idWords, idFrom, metaSuffix);
}

/** Fields 2 (queue) and 3 (shard) of MessageMeta, which are the same for every message of a queue. */
export function encodeMetaSuffix(origin: { queue: string; shard: string }): Buffer {
  return Buffer.concat([field(2, origin.queue), field(3, origin.shard)]);
}
