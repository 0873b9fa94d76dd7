// What grpcurl does: list the services, ask for the file of a symbol, build a client from the answer, call it.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import {
  type ClientDuplexStream,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer, loadSync } from '@grpc/proto-loader';
import { EchoServer } from './echo.ts';

interface Answer {
  readonly list_services_response?: { readonly service: { readonly name: string }[] };
  readonly file_descriptor_response?: { readonly file_descriptor_proto: Buffer[] };
  readonly error_response?: { readonly error_code: number; readonly error_message: string };
  readonly original_request: { readonly file_containing_symbol?: string };
}

function reflectionClient(version: 'v1' | 'v1alpha', port: number): InstanceType<ServiceClientConstructor> {
  const proto = fileURLToPath(new URL(`../../config/proto/reflection-${version}.proto`, import.meta.url));
  const loaded = loadPackageDefinition(loadSync(proto, { keepCase: true })) as unknown as {
    grpc: { reflection: Record<string, { ServerReflection: ServiceClientConstructor }> };
  };
  return new loaded.grpc.reflection[version].ServerReflection(`127.0.0.1:${port}`, credentials.createInsecure());
}

/** The descriptor set that `files` make: field 1 of FileDescriptorSet, repeated. */
function descriptorSet(files: readonly Buffer[]): Buffer {
  const parts = files.flatMap((file) => [Buffer.of(0x0a, (file.length & 0x7f) | 0x80, file.length >>> 7), file]);
  return Buffer.concat(parts);
}

for (const version of ['v1', 'v1alpha'] as const) {
  describe(`grpc.reflection.${version}`, () => {
    let server: EchoServer;
    let client: InstanceType<ServiceClientConstructor>;

    before(async () => {
      server = await new EchoServer().start();
      client = reflectionClient(version, server.port);
    });
    after(async () => {
      client.close();
      await server.stop();
    });

    async function ask(...requests: object[]): Promise<Answer[]> {
      const call: ClientDuplexStream<object, Answer> = client.ServerReflectionInfo();
      for (const request of requests) call.write(request);
      call.end();
      const answers: Answer[] = [];
      for await (const answer of call) answers.push(answer as Answer);
      return answers;
    }

    it('lists the services of the door', async () => {
      const [answer] = await ask({ list_services: '' });
      assert.deepEqual(
        answer.list_services_response?.service.map(({ name }) => name),
        [
          'grpc.health.v1.Health',
          'grpc.reflection.v1.ServerReflection',
          'grpc.reflection.v1alpha.ServerReflection',
          'test.echo.Echo',
        ],
      );
    });

    it('gives the files of a symbol with all they import, enough to build a client', async () => {
      for (const symbol of ['hsmq.v1.hsmq.HSMQ', 'hsmq.v1.hsmq.HSMQ.Streaming', 'hsmq.v1.hsmq.MessageWithMeta']) {
        const [answer] = await ask({ file_containing_symbol: symbol });
        assert.equal(answer.original_request.file_containing_symbol, symbol);
        const files = answer.file_descriptor_response?.file_descriptor_proto ?? [];
        assert.equal(files.length, 2);
        const definition = loadFileDescriptorSetFromBuffer(descriptorSet(files));
        assert.deepEqual(Object.keys(definition['hsmq.v1.hsmq.HSMQ']), [
          'Publish',
          'PublishQos0',
          'SubscribeQueue',
          'Streaming',
        ]);
      }
    });

    it('calls health through a client made of what it was told', async () => {
      const [answer] = await ask({ file_containing_symbol: 'grpc.health.v1.Health' });
      const definition = loadFileDescriptorSetFromBuffer(
        descriptorSet(answer.file_descriptor_response?.file_descriptor_proto ?? []),
      );
      const { grpc } = loadPackageDefinition(definition) as unknown as {
        grpc: { health: { v1: { Health: ServiceClientConstructor } } };
      };
      const health = new grpc.health.v1.Health(`127.0.0.1:${server.port}`, credentials.createInsecure());
      const reply = await new Promise((resolve, reject) =>
        health.Check({}, (error: Error | null, value: unknown) => (error ? reject(error) : resolve(value))),
      );
      assert.deepEqual(reply, { status: 1 });
      health.close();
    });

    it('gives a file by its name and says what it does not know', async () => {
      const [first] = await ask({ file_containing_symbol: 'google.protobuf.Any' });
      assert.equal(first.file_descriptor_response?.file_descriptor_proto.length, 1);
      const [byName, unknown, extension, empty] = await ask(
        { file_by_filename: 'google/protobuf/any.proto' },
        { file_containing_symbol: 'no.such.Thing' },
        { all_extension_numbers_of_type: 'hsmq.v1.hsmq.Message' },
        {},
      );
      assert.deepEqual(byName.file_descriptor_response, first.file_descriptor_response);
      assert.equal(unknown.error_response?.error_code, 5);
      assert.match(unknown.error_response?.error_message ?? '', /no\.such\.Thing/);
      assert.equal(extension.error_response?.error_code, 5);
      assert.equal(empty.error_response?.error_code, 3);
    });
  });
}
