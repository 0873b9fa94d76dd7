// grpc.health.v1: Check answers once, Watch says every change. Served to everybody, also while draining, because a
// load balancer has no token and must see the drain. One a door.
import { BrokerError } from '../base/errors.ts';
import type { GrpcCall, GrpcHandler, GrpcMethod } from '../wire/grpc/method.ts';
import { ProtoReader } from '../wire/proto-reader.ts';

/** ServingStatus of the protocol. */
const STATUS = { serving: 1, notServing: 2, serviceUnknown: 3 } as const;

const SERVICE_TAG = (1 << 3) | 2;
const STATUS_TAG = 1 << 3;

/** Services whose health may be asked for; '' is the node as a whole. */
const SERVICES: ReadonlySet<string> = new Set(['', 'hsmq.v1.hsmq.HSMQ']);

/** Open watches of one door: each holds a stream for as long as its client likes. */
const WATCHES_MAX = 10_000;

/** The health of one door and the calls that watch it. */
export class GrpcHealth {
  readonly methods: readonly GrpcMethod[];
  readonly #watches = new Map<GrpcCall, string>();
  #serving = true;

  constructor() {
    this.methods = [
      this.#method('Check', { responseStream: false }, (call, service) => this.#check(call, service)),
      this.#method('Watch', { responseStream: true }, (call, service) => this.#watch(call, service)),
    ];
  }

  setServing(serving: boolean): void {
    if (this.#serving === serving) return;
    this.#serving = serving;
    for (const [call, service] of this.#watches) this.#say(call, service);
  }

  /** Ends every watch, so that connections can close. */
  close(): void {
    for (const call of this.#watches.keys()) call.finish();
    this.#watches.clear();
  }

  #check(call: GrpcCall, service: string): void {
    if (!SERVICES.has(service)) {
      throw new BrokerError('not-found', `Cannot check health: unknown service: received ${JSON.stringify(service)}`);
    }
    this.#say(call, service);
    call.finish();
  }

  #watch(call: GrpcCall, service: string): void {
    if (this.#watches.size >= WATCHES_MAX) {
      throw new BrokerError('resource-exhausted', `Cannot watch health: at most ${WATCHES_MAX} watches may be open`);
    }
    this.#watches.set(call, service);
    this.#say(call, service);
  }

  #say(call: GrpcCall, service: string): void {
    const known = SERVICES.has(service);
    const status = known ? (this.#serving ? STATUS.serving : STATUS.notServing) : STATUS.serviceUnknown;
    call.out.append(Uint8Array.of(STATUS_TAG, status));
    call.flushSoon();
  }

  #method(
    name: string,
    shape: { readonly responseStream: boolean },
    serve: (call: GrpcCall, service: string) => void,
  ): GrpcMethod {
    const open = (call: GrpcCall): GrpcHandler => ({
      message: (bytes, start, end) => serve(call, readService(bytes, start, end)),
      end: () => {},
      closed: () => this.#watches.delete(call),
      drained: () => {},
    });
    return { path: `/grpc.health.v1.Health/${name}`, requestStream: false, unguarded: true, open, ...shape };
  }
}

function readService(bytes: Buffer, start: number, end: number): string {
  const reader = new ProtoReader();
  reader.reset(bytes, start, end, 'HealthCheckRequest');
  let service = '';
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === SERVICE_TAG) service = reader.string();
    else reader.skip(tag);
  }
  return service;
}
