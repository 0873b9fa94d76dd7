// Who a client certificate is for: its common name, or else the first DNS name, URI or address it lists.
import type { PeerCertificate } from 'node:tls';

const ALTERNATIVE_NAME = /(?:^|,\s*)(?:DNS|URI|email|IP Address):([^,]+)/;

/** The name of a verified client certificate; undefined when it names nobody. */
export function certificateName(certificate: Pick<PeerCertificate, 'subject' | 'subjectaltname'>): string | undefined {
  const common = certificate.subject?.CN;
  const name = Array.isArray(common) ? common[0] : common;
  if (name !== undefined && name !== '') return name;
  return ALTERNATIVE_NAME.exec(certificate.subjectaltname ?? '')?.[1];
}
