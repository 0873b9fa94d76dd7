// Server reflection, so that grpcurl and its like can call us without a .proto file. Served as v1 and v1alpha.
// Descriptors are made from config/proto/*.proto when somebody asks for the first time.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repairDescriptors } from '../wire/grpc/descriptor-repair.ts';
import { type FileDescriptor, readFileDescriptor } from '../wire/grpc/file-descriptor.ts';
import type { GrpcCall, GrpcHandler, GrpcMethod } from '../wire/grpc/method.ts';
import {
  decodeReflectionRequest,
  encodeReflectionResponse,
  type ReflectionAnswer,
} from '../wire/grpc/reflection-messages.ts';
import { GRPC_STATUS } from '../wire/grpc/status.ts';

/** Every file and where its symbols are. */
interface Descriptors {
  readonly byName: ReadonlyMap<string, FileDescriptor>;
  readonly bySymbol: ReadonlyMap<string, FileDescriptor>;
}

/** One a door. */
export class GrpcReflection {
  readonly methods: readonly GrpcMethod[];
  readonly #services: readonly string[];
  #descriptors: Descriptors | undefined;
  #loading: Promise<Descriptors> | undefined;

  /** `served`: the methods beside reflection itself. */
  constructor(served: readonly GrpcMethod[]) {
    this.methods = ['v1', 'v1alpha'].map((version) => ({
      path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      requestStream: true,
      responseStream: true,
      open: (call) => this.#open(call),
    }));
    const services = [...served, ...this.methods].map((method) => method.path.split('/')[1]);
    this.#services = [...new Set(services)].sort();
  }

  #open(call: GrpcCall): GrpcHandler {
    let open = true;
    return {
      message: (bytes, start, end) => {
        if (this.#descriptors !== undefined) {
          this.#reply(call, bytes.subarray(start, end), this.#descriptors);
          return;
        }
        const request = Buffer.from(bytes.subarray(start, end));
        call.pause();
        void this.#load().then((descriptors) => {
          if (!open) return;
          this.#reply(call, request, descriptors);
          call.resume();
        });
      },
      end: () => call.finish(),
      closed: () => {
        open = false;
      },
      drained: () => {},
    };
  }

  /** Once: who asks while it is under way waits for the same. A failure is our own bug and ends the thread. */
  #load(): Promise<Descriptors> {
    this.#loading ??= loadDescriptors().then((descriptors) => {
      this.#descriptors = descriptors;
      return descriptors;
    });
    return this.#loading;
  }

  #reply(call: GrpcCall, request: Buffer, descriptors: Descriptors): void {
    call.out.append(encodeReflectionResponse(request, this.#answer(request, descriptors)));
    call.flushSoon();
  }

  #answer(bytes: Buffer, { byName, bySymbol }: Descriptors): ReflectionAnswer {
    const request = decodeReflectionRequest(bytes, 0, bytes.length);
    switch (request.kind) {
      case 'list-services':
        return { kind: 'services', names: this.#services };
      case 'file-by-name':
        return this.#files(byName.get(request.name), `file ${JSON.stringify(request.name)}`);
      case 'file-by-symbol':
        return this.#files(bySymbol.get(request.symbol), `symbol ${JSON.stringify(request.symbol)}`);
      case 'extension':
      case 'extension-numbers':
        return { kind: 'error', code: GRPC_STATUS['not-found'], message: 'Cannot find extensions: there are none' };
      case 'none':
        return { kind: 'error', code: GRPC_STATUS['invalid-argument'], message: 'Cannot answer an empty request' };
    }
  }

  /** A file and everything it imports, so that the client needs no further question. */
  #files(file: FileDescriptor | undefined, what: string): ReflectionAnswer {
    if (file === undefined) {
      return { kind: 'error', code: GRPC_STATUS['not-found'], message: `Cannot find ${what}` };
    }
    const files = new Set([file]);
    for (const each of files) {
      for (const name of each.dependencies) {
        const dependency = this.#descriptors?.byName.get(name);
        if (dependency !== undefined) files.add(dependency);
      }
    }
    return { kind: 'files', files: [...files].map((each) => each.bytes) };
  }
}

async function loadDescriptors(): Promise<Descriptors> {
  // Imported here, as it costs every shard 30 ms and some MiB to have, and few are ever asked.
  const { load } = await import('@grpc/proto-loader');
  const folder = protoFolder();
  const names = readdirSync(folder).filter((name) => name.endsWith('.proto'));
  const definition = await load(
    names.map((name) => join(folder, name)),
    { includeDirs: [folder] },
  );
  // Each entry lists every file that was loaded: one is enough.
  const entry = Object.values(definition).find((each) => 'fileDescriptorProtos' in each);
  const files = repairDescriptors((entry as { fileDescriptorProtos: Buffer[] }).fileDescriptorProtos);
  const byName = new Map(files.map(readFileDescriptor).map((file) => [file.name, file]));
  const bySymbol = new Map([...byName.values()].flatMap((file) => file.symbols.map((symbol) => [symbol, file])));
  return { byName, bySymbol };
}

/** config/proto of this package, both beside src/ and, once built, beside dist/src/. */
function protoFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'config', 'proto', 'hsmq.proto')) && dirname(folder) !== folder)
    folder = dirname(folder);
  return join(folder, 'config', 'proto');
}
