import assert from 'node:assert/strict';
import { certificateName } from '../../src/door/certificate-name.ts';

describe('certificateName()', () => {
  const subject = (values: object) => values as never;
  const vectors: [name: string, certificate: Parameters<typeof certificateName>[0], expected: string | undefined][] = [
    ['the common name', { subject: subject({ CN: 'alice' }), subjectaltname: 'DNS:other' }, 'alice'],
    ['the first of several common names', { subject: subject({ CN: ['alice', 'bob'] }) }, 'alice'],
    ['a DNS name', { subject: subject({}), subjectaltname: 'DNS:client.example, DNS:b' }, 'client.example'],
    ['a SPIFFE id', { subject: subject({ O: 'x' }), subjectaltname: 'URI:spiffe://a/b' }, 'spiffe://a/b'],
    ['nobody', { subject: subject({}) }, undefined],
  ];
  for (const [name, certificate, expected] of vectors) {
    it(`names ${name}`, () => assert.equal(certificateName(certificate), expected));
  }
});
