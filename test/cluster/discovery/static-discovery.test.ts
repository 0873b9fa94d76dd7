import assert from 'node:assert/strict';
import { StaticDiscovery } from '../../../cluster/discovery/static-discovery.ts';
import { SeenSeeds } from './hand-timer.ts';

const SEEDS = [
  { host: 'n1', port: 1 },
  { host: 'N1', port: 1 },
  { host: '10.0.0.1', port: 1 },
];

describe('StaticDiscovery', () => {
  it('gives each seed once, and not before its start is over', async () => {
    const [discovery, seen] = [new StaticDiscovery(SEEDS), new SeenSeeds()];
    discovery.start(seen.take);
    assert.deepEqual(seen.answers, []);
    await discovery.stop();
    assert.deepEqual(seen.answers, []);
    const second = new StaticDiscovery(SEEDS);
    second.start(seen.take);
    await Promise.resolve();
    assert.deepEqual(seen.answers, [['10.0.0.1 1', 'n1 1']]);
    await second.stop();
  });

  it('gives no more than a node takes', async () => {
    const seen = new SeenSeeds();
    new StaticDiscovery(Array.from({ length: 1_100 }, (_, port) => ({ host: 'n1', port }))).start(seen.take);
    await Promise.resolve();
    assert.equal(seen.last?.length, 1_000);
  });
});
