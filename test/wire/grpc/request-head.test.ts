import assert from 'node:assert/strict';
import { judgeHead } from '../../../src/wire/grpc/request-head.ts';

const LIMITS = { metadataBytesMax: 1000 };
const GOOD = { ':method': 'POST', ':path': '/a.B/C', 'content-type': 'application/grpc' };

describe('judgeHead()', () => {
  it('lets a call through with what it says about itself', () => {
    const metadata = {
      ...GOOD,
      'grpc-timeout': '2S',
      'grpc-encoding': 'gzip',
      'grpc-accept-encoding': 'identity, gzip,deflate',
    };
    const head = { path: '/a.B/C', timeoutMs: 2000, encoding: 'gzip', acceptsGzip: true };
    assert.deepEqual(judgeHead(metadata, LIMITS), { kind: 'call', head });
  });

  it('takes no timeout, no compression when none is named', () => {
    const head = { path: '/a.B/C', timeoutMs: Number.POSITIVE_INFINITY, encoding: 'identity', acceptsGzip: false };
    assert.deepEqual(judgeHead(GOOD, LIMITS), { kind: 'call', head });
  });

  for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc; charset=utf-8']) {
    it(`accepts content-type ${type}`, () => {
      assert.equal(judgeHead({ ...GOOD, 'content-type': type }, LIMITS).kind, 'call');
    });
  }

  for (const type of [undefined, 'text/plain', 'application/grpc-web', 'application/grpc+json', 'application/grpcx']) {
    it(`answers HTTP 415 to content-type ${type}`, () => {
      assert.deepEqual(judgeHead({ ...GOOD, 'content-type': type }, LIMITS), {
        kind: 'http',
        status: 415,
        reason: 'content-type',
      });
    });
  }

  it('answers HTTP 405 to another method than POST', () => {
    assert.deepEqual(judgeHead({ ...GOOD, ':method': 'GET' }, LIMITS), { kind: 'http', status: 405, reason: 'method' });
  });

  const refusals: [name: string, metadata: object, code: number, reason: string][] = [
    ['RESOURCE_EXHAUSTED to too much metadata', { 'x-long': 'x'.repeat(1000) }, 8, 'metadata'],
    ['UNIMPLEMENTED to an unknown encoding', { 'grpc-encoding': 'br' }, 12, 'encoding'],
    ['INVALID_ARGUMENT to a timeout it cannot read', { 'grpc-timeout': 'soon' }, 3, 'timeout'],
  ];
  for (const [name, metadata, code, reason] of refusals) {
    it(`answers ${name}`, () => {
      const verdict = judgeHead({ ...GOOD, ...metadata }, LIMITS);
      assert.ok(verdict.kind === 'grpc');
      assert.deepEqual([verdict.code, verdict.reason], [code, reason]);
    });
  }
});
