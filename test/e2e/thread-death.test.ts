import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { HsmqClient } from './support/hsmq-client.ts';
import { NodeProcess } from './support/node-process.ts';
import { until } from './support/until.ts';

describe('a node one of whose threads dies', function () {
  this.timeout(60_000);

  it('ends in order with a code that is not 0, tells its clients, and says which thread it was', async () => {
    const main = fileURLToPath(new URL('./support/dying-node.ts', import.meta.url));
    const node = await NodeProcess.start({ shards: 2, main });
    const clients = Array.from({ length: 8 }, () => new HsmqClient(node.address));
    const streams = clients.map((client) => client.stream());
    for (const stream of streams) stream.send({ ping: {} });
    for (const stream of streams) assert.equal((await stream.next()).kind, 'pong');
    const { code } = await node.exited;
    assert.equal(code, 1);
    assert.match(node.output, /thread\.died.*shard-1/);
    assert.match(node.output, /this shard dies/);
    await until(() => streams.every(({ status }) => status !== undefined), 'every stream to end');
    assert.ok(
      streams.every(({ status }) => status?.code === 14),
      JSON.stringify(streams.map(({ status }) => status)),
    );
    for (const client of clients) client.close();
  });
});
