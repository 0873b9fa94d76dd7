import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { lineFinder } from '../../config/key-lines.ts';

const TOML = `top = 1 # [node]
"quoted name" = 2
[node]
shards = 1
limits = { a = 1, b = [2] }
topics = [
  "x = 1",
  # y = 2
  '[z]',
]
after.deep.er = 1
text = '''
[fake]
key = 1
'''
[ a . "b" ]
c = """one line = [ """
[[queues]]
name = "first"
[[queues]]
name = "second"
`;

describe('lineFinder()', () => {
  const table: readonly (readonly [string, number | undefined])[] = [
    ['top', 1],
    ['quoted name', 2],
    ['node', 3],
    ['node.shards', 4],
    ['node.limits.a', 5],
    ['node.topics', 6],
    ['node.after', 11],
    ['node.after.deep.er', 11],
    ['node.text', 12],
    ['a.b', 16],
    ['a.b.c', 17],
    ['queues[0]', 18],
    ['queues[0].name', 19],
    ['queues[1].name', 21],
    ['queues[1].missing', 20],
    ['queues[1].missing.part', 20],
    ['missing', undefined],
    ['fake', undefined],
    ['fake.key', undefined],
    ['x', undefined],
    ['', undefined],
  ];
  for (const [path, line] of table) {
    it(`"${path}" stands on line ${line}`, () => assert.equal(lineFinder(TOML)(path), line));
  }

  it('takes any text, and never names a line that is not there', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '.', '=', '[', ']', '"', "'", '#', '\n', '{', '}') }),
        (text) => {
          const line = lineFinder(text)('a');
          assert.ok(line === undefined || (line >= 1 && line <= text.split('\n').length));
          assert.equal(lineFinder(text)('b'), undefined);
        },
      ),
    );
  });

  it('is asked here about a file that is TOML', () => assert.doesNotThrow(() => parse(TOML)));
});
