// A session's memory of the topics it published to last: from the topic's bytes in a chunk to its route, without
// making a string. Most publishers use one topic or a few. Dropped as a whole when the routes change.
// Lives on: a shard, one for each publishing session.
import type { BrokerPort, TopicRoute } from '../core/broker-port.ts';

/** Topics remembered; a power of two. A session with more still works, at the price of a string a publish. */
const ENTRIES = 16;

export class TopicCache {
  readonly #broker: BrokerPort;
  readonly #names: (Buffer | undefined)[] = new Array(ENTRIES).fill(undefined);
  readonly #routes: (TopicRoute | undefined)[] = new Array(ENTRIES).fill(undefined);
  #version = -1;

  constructor(broker: BrokerPort) {
    this.#broker = broker;
  }

  /** The route of the topic `bytes[start, end)`; undefined when no queue is bound to it. */
  find(bytes: Buffer, start: number, end: number): TopicRoute | undefined {
    if (this.#version !== this.#broker.routesVersion) this.#forget();
    const size = end - start;
    const slot = size === 0 ? 0 : (bytes[end - 1] * 31 + bytes[start + (size >> 1)] + size) & (ENTRIES - 1);
    const name = this.#names[slot];
    if (name !== undefined && name.length === size && equalBytes(name, bytes, start)) return this.#routes[slot];
    const route = this.#broker.topic(bytes.toString('utf8', start, end));
    if (route !== undefined) {
      this.#names[slot] = Buffer.from(bytes.subarray(start, end));
      this.#routes[slot] = route;
    }
    return route;
  }

  #forget(): void {
    this.#names.fill(undefined);
    this.#routes.fill(undefined);
    this.#version = this.#broker.routesVersion;
  }
}

function equalBytes(name: Buffer, bytes: Buffer, start: number): boolean {
  for (let index = 0; index < name.length; index++) if (name[index] !== bytes[start + index]) return false;
  return true;
}
