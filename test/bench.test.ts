import assert from 'node:assert/strict';
import { SCENARIOS } from '../bench/main.ts';
import { nodeConfig } from '../bench/peers.ts';
import { median } from '../bench/report.ts';
import { soak } from '../bench/soak.ts';

describe('bench', function () {
  // Real processes on a machine that others may be using: no figure is asserted, but that all come to an end.
  this.timeout(120_000);

  for (const scenario of SCENARIOS) {
    it(`${scenario.name} runs tiny: ${scenario.summary}`, async () => {
      const measured = await scenario.run('tiny');
      assert.ok(measured.hash.length > 0, 'the result has a hash');
      for (const [what, ratio] of Object.entries(measured.ratios)) {
        assert.ok(Number.isFinite(ratio), `${what}: received ${ratio}`);
      }
    });
  }

  it('a soak of 20,000 messages ends with a balanced ledger and every message delivered once', async () => {
    const report = await soak({ messages: 20_000, queues: 100, shards: 2, progressSeconds: 0 });
    assert.equal(report.load.complete, true);
    assert.equal(report.ledger.balanced, true);
    assert.deepEqual(
      report.faults.filter((fault) => !fault.startsWith('memory')),
      [],
    );
  });

  it('the config of a node names every queue and binds it to its topic', () => {
    const config = nodeConfig({ queues: 2, shards: 3 });
    assert.match(config, /^shards = 3$/m);
    assert.deepEqual(
      [...config.matchAll(/^name = "(.*)"$/gm)].map((match) => match[1]),
      ['b/0', 'b/1'],
    );
  });

  it('the median is the middle value, or the mean of the two', () => {
    assert.equal(median([5, 1, 3]), 3);
    assert.equal(median([4, 1, 3, 2]), 2.5);
  });
});
