// A small message between nodes that must keep its place among the records of a link: msgpack in the body of a record.
// Lives on: the cluster's thread.
import { Packr } from 'msgpackr';
import {
  alignedSize,
  bodyOffset,
  bodySize,
  RECORD_HEADER_BYTES,
  RecordMemory,
  WORD_BODY_SIZE,
  WORD_SIZE,
} from '../../src/core/record.ts';

const packr = new Packr({ useRecords: false, mapsAsObjects: true });

/** The record at offset 0 of the memory returned. */
export function writeNote(note: object): RecordMemory {
  const body = packr.pack(note);
  const size = alignedSize(RECORD_HEADER_BYTES + body.length);
  const memory = new RecordMemory(new ArrayBuffer(size));
  memory.words[WORD_SIZE] = size;
  memory.words[WORD_BODY_SIZE] = body.length;
  memory.bytes.set(body, RECORD_HEADER_BYTES);
  return memory;
}

/** What a peer wrote; peers are authenticated, and a fault in it ends the link through the exception. */
export function readNote<Note>(memory: RecordMemory, offset: number): Note {
  const at = bodyOffset(memory, offset);
  return packr.unpack(memory.bytes.subarray(at, at + bodySize(memory, offset))) as Note;
}
