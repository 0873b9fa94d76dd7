// The addresses of sessions in an image of a queue: each node has its own numbers for its peers, so they are rewritten
// when an image crosses to another node.
// Lives on: the cluster's thread. Called by: moves.ts.
import { addressOf, isShard, originOf, sessionOf } from '../../src/broker/address.ts';
import { Operation } from '../../src/broker/operation.ts';
import { addressIn, blockedRecord, ImageKind, imageItems, readdress } from '../../src/core/queue-image.ts';
import type { RecordMemory } from '../../src/core/record.ts';
import type { Edge } from './edge.ts';

/** Origins that occur in a chunk. */
export function originsIn(chunk: RecordMemory, offset: number): Set<number> {
  const origins = new Set<number>();
  for (const item of imageItems(chunk, offset)) {
    const address = addressIn(item);
    if (address >= 0) origins.add(originOf(address));
  }
  return origins;
}

/** Rewrites the addresses of a chunk in place. */
export function translateChunk(chunk: RecordMemory, offset: number, originAt: (origin: number) => number): void {
  for (const item of imageItems(chunk, offset)) {
    const address = addressIn(item);
    if (address >= 0) readdress(item, addressOf(originAt(originOf(address)), sessionOf(address)));
  }
}

/** Tells the edge what sessions of this node have with a queue that goes. */
export function readEdge(chunk: RecordMemory, offset: number, edge: Edge): void {
  for (const item of imageItems(chunk, offset)) {
    const address = addressIn(item);
    if (address < 0 || !isShard(originOf(address))) continue;
    const [origin, session] = [originOf(address), sessionOf(address)];
    if (item.kind === ImageKind.consumer && item.c !== 0) {
      edge.asked(origin, Operation.subscribe, session, item.b, 0, chunk, -1);
    } else if (item.kind === ImageKind.fetch) edge.asked(origin, Operation.fetch, session, item.b, item.c, chunk, -1);
    else if (blockedRecord(item) >= 0) {
      edge.asked(origin, Operation.publish, session, item.a, 0, chunk, blockedRecord(item));
    }
  }
}
