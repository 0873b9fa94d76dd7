import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import {
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { BrokerError } from '../../src/base/errors.ts';
import { EchoServer, until } from './echo.ts';

interface Health {
  readonly status: string;
}

const proto = fileURLToPath(new URL('../../config/proto/health.proto', import.meta.url));
const { Health: HealthClient } = (
  loadPackageDefinition(loadSync(proto, { enums: String, defaults: true })) as unknown as {
    grpc: { health: { v1: { Health: ServiceClientConstructor } } };
  }
).grpc.health.v1;

describe('grpc.health.v1', () => {
  let server: EchoServer;
  let client: InstanceType<ServiceClientConstructor>;

  beforeEach(async () => {
    const error = new BrokerError('unauthenticated', 'Cannot authenticate');
    server = await new EchoServer({ authorize: () => Promise.reject(error) }).start();
    client = new HealthClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
  });
  afterEach(async () => {
    client.close();
    await server.stop();
  });

  const check = (service: string): Promise<string> =>
    new Promise((resolve) => {
      const done = (error: ServiceError | null, health: Health) => resolve(error ? status[error.code] : health.status);
      client.Check({ service }, done);
    });

  it('says SERVING for the node and for hsmq, to everybody', async () => {
    assert.equal(await check(''), 'SERVING');
    assert.equal(await check('hsmq.v1.hsmq.HSMQ'), 'SERVING');
  });

  it('says NOT_FOUND for a service it does not know', async () => {
    assert.equal(await check('other'), 'NOT_FOUND');
  });

  it('says NOT_SERVING while draining, also to who watches', async () => {
    const seen: string[] = [];
    const watch: ClientReadableStream<Health> = client.Watch({ service: '' });
    watch.on('data', (health: Health) => seen.push(health.status));
    watch.on('error', () => {});
    await until(() => seen.length === 1, 'the first state is told');
    server.door.drain();
    await until(() => seen.length === 2, 'the change is told');
    assert.deepEqual(seen, ['SERVING', 'NOT_SERVING']);
    assert.equal(await check(''), 'NOT_SERVING');
  });

  it('says SERVICE_UNKNOWN to who watches what is not there, and forgets who leaves', async () => {
    const watch: ClientReadableStream<Health> = client.Watch({ service: 'other' });
    watch.on('error', () => {});
    const first = await new Promise<Health>((resolve) => watch.once('data', resolve));
    assert.equal(first.status, 'SERVICE_UNKNOWN');
    watch.cancel();
    await until(() => server.door.stats.streams === 0, 'the watch is closed');
  });

  it('ends watches when the door closes', async () => {
    const watch: ClientReadableStream<Health> = client.Watch({ service: '' });
    const ended = new Promise((resolve) => watch.on('status', resolve));
    watch.once('data', () => void server.door.close(5000));
    watch.on('error', () => {});
    watch.resume();
    assert.equal(((await ended) as { code: number }).code, status.OK);
  });
});
