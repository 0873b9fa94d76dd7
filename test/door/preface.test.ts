import assert from 'node:assert/strict';
import { judgePreface } from '../../src/door/preface.ts';

describe('judgePreface()', () => {
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

  it('wants more until the preface is whole', () => {
    for (let length = 0; length < preface.length; length++) {
      assert.equal(judgePreface(Buffer.from(preface.slice(0, length))), undefined);
    }
    assert.equal(judgePreface(Buffer.from(preface)), 'http2');
    assert.equal(judgePreface(Buffer.from(`${preface}more`)), 'http2');
  });

  const vectors: [string, string][] = [
    ['GET / HTTP/1.1\r\n', 'http1'],
    ['POST /x HTTP/1.0\r\n', 'http1'],
    ['OPTIONS * HTTP/1.1\r\n', 'http1'],
    ['PRI * HTTP/2.1', 'http1'],
    ['\u0016\u0003\u0001', 'not-http2'],
    ['hello', 'not-http2'],
    ['\u0000', 'not-http2'],
  ];
  for (const [text, verdict] of vectors) {
    it(`calls ${JSON.stringify(text)} ${verdict}`, () =>
      assert.equal(judgePreface(Buffer.from(text, 'latin1')), verdict));
  }
});
