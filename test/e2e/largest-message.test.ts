import assert from 'node:assert/strict';
import { DELIVERY_OVERHEAD_BYTES_MAX, GRPC_LIMITS } from '../../src/base/limits.ts';
import { encodeMessage, encodeRequest } from '../wire/hsmq/hsmq-proto.ts';
import { HsmqClient, type Message } from './support/hsmq-client.ts';
import { NodeProcess } from './support/node-process.ts';
import { until } from './support/until.ts';

/** The longest names there may be: what a delivery adds to a message is then all that is allowed for. */
const NODE_NAME = 'n'.repeat(255);
const QUEUE = 'q'.repeat(255);
const REQUEST_ID = 'r'.repeat(256);
const CONFIGURED_BYTES = 1_000_000;

/** A message of exactly so many bytes on the wire. */
function sized(bytes: number): Message {
  const made = (size: number): Message => ({ topic: 't', data: { value: Buffer.alloc(size, 7) } });
  const around = encodeMessage(made(bytes)).length - bytes;
  const message = made(bytes - around);
  assert.equal(encodeMessage(message).length, bytes);
  return message;
}

for (const [what, limit, bytesMax] of [
  ['default', '', GRPC_LIMITS.messageBytesMax],
  ['configured', `[limits]\nmessage_bytes = ${CONFIGURED_BYTES}\n`, CONFIGURED_BYTES],
] as const) {
  describe(`the largest message of a node with the ${what} limit`, function () {
    this.timeout(60_000);
    const largest = bytesMax - DELIVERY_OVERHEAD_BYTES_MAX;
    const payload = sized(largest).data?.value.length;
    let node: NodeProcess;
    let client: HsmqClient;

    before(async () => {
      const toml = `name = "${NODE_NAME}"\n${limit}[[queues]]\nname = "${QUEUE}"\ntopics = ["t"]\n`;
      node = await NodeProcess.start({ toml, shards: 2 });
      // A client of a node with the default limit receives as much as grpc-js does by default.
      const receives = limit === '' ? {} : { 'grpc.max_receive_message_length': bytesMax };
      const channel = { 'grpc.max_send_message_length': 16 * 1024 * 1024, ...receives };
      client = new HsmqClient(node.address, { channel });
    });
    after(async () => {
      client.close();
      await node.stop();
    });

    function publish(message: Message): Promise<void> {
      return new Promise((resolve, reject) => {
        client.stub.Publish(message, client.metadata, (error) => (error ? reject(error) : resolve()));
      });
    }

    const request = (bytes: number) => ({
      publish_message: { message: sized(bytes), qos: 1, request_id: REQUEST_ID },
    });

    it('is received through Streaming', async () => {
      const stream = client.stream();
      stream.send(request(largest));
      assert.equal((await stream.next()).pub_ack?.request_id, REQUEST_ID);
      stream.subscribe(QUEUE, 1);
      const { message, meta } = await stream.nextMessage();
      assert.equal(message.data?.value.length, payload);
      assert.equal(Buffer.byteLength(meta.shard), NODE_NAME.length + 2);
      stream.ack(meta);
      assert.equal((await stream.next()).kind, 'message_ack');
      stream.call.end();
    });

    it('is received through a fetch', async () => {
      await publish(sized(largest));
      const stream = client.stream();
      stream.send({ fetch_message: { queue: QUEUE, timeout: 20, autoack: true } });
      const { message } = await stream.nextMessage();
      assert.equal(message.data?.value.length, payload);
      stream.call.end();
    });

    it('is received through SubscribeQueue', async () => {
      const received: Message[] = [];
      const call = client.stub.SubscribeQueue({ queues: [QUEUE] }, client.metadata);
      call.on('error', () => {});
      call.on('data', ({ message }: { message: Message }) => received.push(message));
      await publish(sized(largest));
      await until(() => received.length === 1, 'the message');
      assert.equal(received[0].data?.value.length, payload);
      call.cancel();
    });

    it('has not a byte more: Publish and PublishQos0 refuse, a stream tells the request and lives on', async () => {
      const text = `Cannot publish: received a message of ${largest + 1} bytes, at most ${largest} are allowed`;
      const refused = { code: 8, details: text };
      await assert.rejects(publish(sized(largest + 1)), refused);
      const qos0 = new Promise((resolve, reject) => {
        const call = client.stub.PublishQos0(client.metadata, (error, count) =>
          error ? reject(error) : resolve(count),
        );
        call.write(sized(largest + 1));
        call.end();
      });
      await assert.rejects(qos0, refused);
      const stream = client.stream();
      assert.ok(encodeRequest(request(largest + 1)).length <= bytesMax);
      stream.send(request(largest + 1));
      assert.deepEqual((await stream.next()).pub_error, { info: text, topic: 't', request_id: REQUEST_ID });
      stream.send({ ping: {} });
      assert.equal((await stream.next()).kind, 'pong');
      const metrics = await (await fetch(`http://127.0.0.1:${node.adminPort}/metrics`)).text();
      assert.match(metrics, /hsmq_grpc_total\{event="publish",reason="error"\} 3\n/);
      const { total } = await node.admin<{ total: { ready: number } }>('/api/v1/ledger');
      assert.equal(total.ready, 0);
    });
  });
}
