import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FilterTrie } from '../../../cluster/routes/filter-trie.ts';
import { ViewOrigin } from '../../../cluster/routes/route-view.ts';

const origin = new ViewOrigin('a', 1);

/** The rule level by level, as the norm words it. */
function meets(filter: readonly string[], topic: readonly string[]): boolean {
  if (filter.length === 0) return topic.length === 0;
  if (filter[0] === '#') return true;
  if (topic.length === 0) return false;
  return (filter[0] === '+' || filter[0] === topic[0]) && meets(filter.slice(1), topic.slice(1));
}

function matches(filters: readonly string[], topic: string): number {
  const trie = new FilterTrie();
  for (const filter of filters) trie.set(filter, origin.alone);
  let count = 0;
  trie.match(topic, () => count++);
  return count;
}

describe('trie of filters', () => {
  it('finds what a look at every filter finds', () => {
    const level = fc.constantFrom('a', 'b', '');
    const filter = fc
      .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([levels, open]) => (open ? [...levels, '#'] : levels).join('/'));
    const topic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'));
    fc.assert(
      fc.property(fc.uniqueArray(filter, { maxLength: 20 }), topic, (filters, name) => {
        const expected = filters.filter((text) => meets(text.split('/'), name.split('/'))).length;
        assert.equal(matches(filters, name), expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it('# stands for the level above it too, but not + [MQTT-4.7.1-2]', () => {
    assert.equal(matches(['sport/#'], 'sport'), 1);
    assert.equal(matches(['sport/+'], 'sport'), 0);
    assert.equal(matches(['sport/+'], 'sport/'), 1);
  });

  it('a wildcard at the start meets no topic that starts with $ [MQTT-4.7.2-1]', () => {
    assert.equal(matches(['#', '+/monitor', '+/#'], '$SYS/monitor'), 0);
    assert.equal(matches(['$SYS/#', '$SYS/+'], '$SYS/monitor'), 2);
  });

  it('is empty again when every filter is gone', () => {
    const trie = new FilterTrie();
    const filters = ['a/+/b', 'a/+', 'a/#', '#', '+'];
    for (const filter of filters) trie.set(filter, origin.alone);
    assert.equal(trie.size, filters.length);
    for (const filter of filters) trie.set(filter, []);
    assert.equal(trie.size, 0);
    for (const filter of filters) assert.equal(trie.get(filter).length, 0);
  });
});
