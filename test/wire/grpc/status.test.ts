import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeStatusMessage, statusOf } from '../../../src/wire/grpc/status.ts';

describe('statusOf()', () => {
  it('maps our codes to the numbers of gRPC', () => {
    assert.equal(statusOf('cancelled'), 1);
    assert.equal(statusOf('not-found'), 5);
    assert.equal(statusOf('unauthenticated'), 16);
  });
});

describe('encodeStatusMessage()', () => {
  const vectors: [string, string][] = [
    ['Subscribers for topic a/b not found', 'Subscribers for topic a/b not found'],
    ['100%', '100%25'],
    ['two\r\nlines', 'two%0D%0Alines'],
    ['grüße', 'gr%C3%BC%C3%9Fe'],
    ['', ''],
  ];
  for (const [text, encoded] of vectors) {
    it(`writes ${JSON.stringify(text)} as ${JSON.stringify(encoded)}`, () => {
      assert.equal(encodeStatusMessage(text), encoded);
    });
  }

  it('is undone by decodeURIComponent, and is always printable', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const encoded = encodeStatusMessage(text);
        assert.match(encoded, /^[\x20-\x7e]*$/);
        assert.equal(decodeURIComponent(encoded), text.toWellFormed());
      }),
    );
  });

  it('cuts a message that would not fit a header', () => {
    assert.equal(encodeStatusMessage('x'.repeat(5000)).length, 1027);
  });
});
