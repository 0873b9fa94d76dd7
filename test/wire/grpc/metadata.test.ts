import assert from 'node:assert/strict';
import { addMetadata, decodeBinary, firstValue, metadataBytes } from '../../../src/wire/grpc/metadata.ts';

describe('metadata', () => {
  it('carries bytes in -bin names, whatever the padding', () => {
    const headers: Record<string, string> = {};
    addMetadata(headers, { 'Trace-Bin': Buffer.of(0, 255, 7, 1) });
    assert.deepEqual(headers, { 'trace-bin': 'AP8HAQ==' });
    assert.deepEqual(decodeBinary('AP8HAQ=='), Buffer.of(0, 255, 7, 1));
    assert.deepEqual(decodeBinary(['AP8HAQ', 'AAAA']), Buffer.of(0, 255, 7, 1));
    assert.equal(decodeBinary(undefined), undefined);
  });

  it('leaves out what belongs to the protocol and what HTTP/2 cannot carry', () => {
    const headers: Record<string, string> = {};
    addMetadata(headers, { ':status': '500', 'grpc-status': '0', 'content-type': 'x', bad: 'a\nb', good: 'a b' });
    assert.deepEqual(headers, { good: 'a b' });
  });

  it('gives the first of several values', () => {
    assert.equal(firstValue({ a: ['1', '2'] }, 'a'), '1');
    assert.equal(firstValue({ a: '1' }, 'a'), '1');
    assert.equal(firstValue({}, 'a'), undefined);
  });

  it('counts 32 bytes beside each name and value', () => {
    assert.equal(metadataBytes({ abc: 'de', x: ['1', '2'] }), 3 + 2 + 32 + 2 * (1 + 1 + 32));
  });
});
