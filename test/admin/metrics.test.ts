import assert from 'node:assert/strict';
import { Metrics } from '../../src/admin/metrics.ts';
import { FakeView, queueInfo } from './fake-view.ts';

interface Parsed {
  readonly types: Map<string, string>;
  readonly values: Map<string, number>;
}

/** The text format read back by its grammar; throws on a line that Prometheus would refuse. */
function parseMetrics(text: string): Parsed {
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const type = /^# TYPE ([a-z_]\w*) (counter|gauge|histogram|summary)$/.exec(line);
    if (type !== null) {
      assert.ok(!types.has(type[1]), `${type[1]} is declared once`);
      types.set(type[1], type[2]);
      continue;
    }
    const sample = /^([a-z_]\w*(?:\{(?:\w+="(?:[^"\\\n]|\\[\\n"])*",?)*\})?) (\S+)$/.exec(line);
    assert.ok(sample !== null, `a sample: ${line}`);
    assert.ok(!values.has(sample[1]), `once: ${sample[1]}`);
    values.set(sample[1], Number(sample[2]));
  }
  return { types, values };
}

const COUNTS = {
  received: 12,
  accepted: 10,
  acked: 4,
  ready: 2,
  inFlight: 1,
  delayed: 1,
  expired: 1,
  droppedLimit: 1,
  delivered: 7,
  requeued: 2,
  ackTimeout: 3,
  ackAfter: 1,
};

describe('Metrics', () => {
  async function scrape(view: FakeView, queueSeriesMax = 100): Promise<Parsed> {
    return parseMetrics(await new Metrics({ view, queueSeriesMax }).text());
  }

  it('has the metrics of hsmq under its names, labels and types', async () => {
    const { types, values } = await scrape(new FakeView(queueInfo({ name: 'q' }, COUNTS)));
    const expected: Record<string, number> = {
      'hsmq_queue_total{event="received",name="q"}': 12,
      'hsmq_queue_total{event="sent",name="q"}': 7,
      'hsmq_queue_total{event="requeue",name="q"}': 2,
      'hsmq_queue_total{event="ack-timeout",name="q"}': 3,
      'hsmq_queue_total{event="ack-after",name="q"}': 1,
      'hsmq_queue_total{event="drop-limit",name="q"}': 1,
      'hsmq_queue{m="messages",name="q"}': 3,
      'hsmq_queue{m="consumers",name="q"}': 1,
      'hsmq_queue{m="unacked",name="q"}': 1,
      'hsmq_grpc_total{event="request",reason="Publish"}': 8,
      'hsmq_grpc_total{event="refused",reason="unknown-path"}': 8,
      'hsmq_grpc_total{event="publish",reason="ok"}': 20,
      'hsmq_grpc_total{event="publish",reason="error"}': 2,
      'hsmq_grpc_total{event="consume",reason="ok"}': 18,
      'hsmq_grpc{m="connections"}': 4,
      'hsmq_grpc{m="streams"}': 2,
      'hsmq_jwt_total{name="first"}': 6,
    };
    for (const [sample, value] of Object.entries(expected)) assert.equal(values.get(sample), value, sample);
    assert.deepEqual(
      ['hsmq_queue_total', 'hsmq_queue', 'hsmq_grpc_total', 'hsmq_grpc', 'hsmq_jwt_total'].map((name) =>
        types.get(name),
      ),
      ['counter', 'gauge', 'counter', 'gauge', 'counter'],
    );
  });

  it('shows a ledger whose accounts add up', async () => {
    const { values } = await scrape(new FakeView(queueInfo({ name: 'q' }, COUNTS)));
    const account = (name: string): number => values.get(`ringmq_ledger{account="${name}",queue="q"}`) ?? Number.NaN;
    const kept = ['acked', 'ready', 'in-flight', 'delayed', 'expired', 'dead-lettered', 'purged', 'moved'];
    const dropped = ['dropped-limit', 'dropped-max-deliveries', 'dropped-memory'];
    const sum = [...kept, ...dropped].reduce((total, name) => total + account(name), 0);
    assert.equal(sum, account('accepted'));
    assert.equal(values.get('ringmq_ledger_imbalance'), 0);
  });

  it('shows an imbalance of any queue', async () => {
    const broken = { ...queueInfo({ name: 'q' }), imbalance: -2 };
    const { values } = await scrape(new FakeView(broken, { ...queueInfo({ name: 'r' }), imbalance: 2 }));
    assert.equal(values.get('ringmq_ledger_imbalance'), 4);
  });

  it('shows each shard, each ring, the process and the build', async () => {
    const { values } = await scrape(new FakeView());
    assert.equal(values.get('ringmq_shard_event_loop_lag_seconds{shard="0",quantile="0.99"}'), 0.0025);
    assert.equal(values.get('ringmq_ring_bytes{from="0",to="1"}'), 64);
    assert.equal(values.get('ringmq_ring_wakes_total{from="1",to="0"}'), 2);
    assert.equal(values.get('ringmq_shard_message_bytes{shard="1"}'), 4096);
    assert.equal(values.get('ringmq_state{state="serving"}'), 1);
    assert.ok((values.get('process_resident_memory_bytes') ?? 0) > 0);
    assert.ok([...values.keys()].some((key) => key.startsWith('ringmq_build_info{version="1.2.3",node="fake"')));
  });

  it('escapes what a queue name may hold', async () => {
    const { values } = await scrape(new FakeView(queueInfo({ name: 'a"b\\c\nd/e{},=' }, COUNTS)));
    assert.equal(values.get('hsmq_queue_total{event="received",name="a\\"b\\\\c\\nd/e{},="}'), 12);
  });

  it('sums queues up when they are too many for series of their own, and says so', async () => {
    const view = new FakeView(...Array.from({ length: 11 }, (_, index) => queueInfo({ name: `q${index}` }, COUNTS)));
    const few = await scrape(view, 11);
    assert.equal(few.values.get('ringmq_queue_series_summed'), 0);
    assert.equal(few.values.get('hsmq_queue_total{event="received",name="q10"}'), 12);
    const many = await scrape(view, 10);
    assert.equal(many.values.get('ringmq_queue_series_summed'), 1);
    assert.equal(many.values.get('ringmq_queue_series_limit'), 10);
    assert.equal(many.values.get('ringmq_queues'), 11);
    assert.equal(many.values.get('hsmq_queue_total{event="received",name=""}'), 132);
    assert.equal(many.values.get('ringmq_ledger{account="accepted",queue=""}'), 110);
    assert.ok(![...many.values.keys()].some((key) => key.includes('"q10"')));
  });

  it('scrapes that come at the same time share one look at the node', async () => {
    const view = new FakeView(queueInfo({ name: 'q' }));
    let looks = 0;
    const stats = view.stats.bind(view);
    view.stats = () => {
      looks++;
      return stats();
    };
    const metrics = new Metrics({ view, queueSeriesMax: 10 });
    const texts = await Promise.all([metrics.text(), metrics.text(), metrics.text()]);
    assert.deepEqual([looks, new Set(texts).size], [1, 1]);
    await metrics.text();
    assert.equal(looks, 2);
  });

  it('a deleted queue leaves no series behind', async () => {
    const view = new FakeView(queueInfo({ name: 'q' }));
    const metrics = new Metrics({ view, queueSeriesMax: 10 });
    assert.match(await metrics.text(), /name="q"/);
    view.byName.delete('q');
    assert.doesNotMatch(await metrics.text(), /name="q"/);
  });
});
