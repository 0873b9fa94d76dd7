// Checks between options, and the warnings about what was set but has no use, or not the one that was hoped for.
// Lives on: main. Called by: load.ts.
import { createSecureContext } from 'node:tls';
import { formatAddress, isLoopback } from './address.ts';
import { HSMQ_OPTIONS } from './hsmq-option-table.ts';
import type { OptionValues } from './options.ts';
import type { Problems } from './problem.ts';
import type { Config, Origin } from './types.ts';

/** HS256 keys shorter than the hash can be guessed from one token, offline. */
const JWT_SECRET_BYTES_MIN = 32;

export function checkRules(
  config: Omit<Config, 'queues'>,
  given: { problems: Problems; sources: Readonly<Record<string, Origin>>; foreign: readonly string[] },
): void {
  const { problems } = given;
  checkTls(config.options, problems);
  checkCluster(config.options, problems);
  warnUnused(given);
  warnAuth(config, problems);
}

function checkTls(options: OptionValues, problems: Problems): void {
  const cert = options['tls.cert'];
  const key = options['tls.key'];
  const ca = options['tls.client_ca'];
  if ((cert === undefined) !== (key === undefined)) {
    problems.error('Cannot use [tls]: it needs both cert and key');
    return;
  }
  if (cert === undefined && ca !== undefined) problems.error('Cannot use tls.client_ca: it needs tls.cert and tls.key');
  if (options['tls.require_client_certificate'] && ca === undefined) {
    problems.error('Cannot use tls.require_client_certificate: it needs tls.client_ca');
  }
  if (cert === undefined || key === undefined) return;
  try {
    createSecureContext({
      cert: cert.text.reveal(),
      key: key.text.reveal(),
      ...(ca === undefined ? {} : { ca: ca.text.reveal() }),
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    problems.error(`Cannot use [tls] cert "${cert.path}" with key "${key.path}": ${code ?? 'they do not fit'}`);
  }
}

/** Whoever could join would get every message. */
function checkCluster(options: OptionValues, problems: Problems): void {
  const address = options['cluster.address'];
  if (address === undefined || isLoopback(address.host) || options['cluster.key'] !== undefined) return;
  problems.error(
    `Cannot use cluster.address = "${formatAddress(address)}": beyond loopback the nodes need cluster.key, ` +
      'the same on all of them',
  );
}

function warnUnused(given: {
  problems: Problems;
  sources: Readonly<Record<string, Origin>>;
  foreign: readonly string[];
}): void {
  const { problems, sources, foreign } = given;
  // A node of a cluster shows itself in Consul.
  const used = sources['cluster.address'] === 'default' ? [] : ['consul'];
  const silent = new Set(['client', 'cluster', ...used]);
  const set = Object.keys(HSMQ_OPTIONS).filter((key) => sources[key] !== 'default');
  const sections = new Set(set.map((key) => key.split('.')[0]).filter((section) => !silent.has(section)));
  for (const section of sections) problems.warn(`[${section}]: accepted, not used by this version`);
  for (const section of foreign) problems.warn(`[${section}]: accepted, NOT STARTED: not used by this version`);
}

function warnAuth({ options, users, auth }: Omit<Config, 'queues'>, problems: Problems): void {
  const jwt = options['auth.jwt.secrets'].filter((secret) => !secret.disabled);
  const tokens = users.flatMap((user) => user.tokens).filter((token) => !token.disabled);
  if (auth.tokens && jwt.length + tokens.length === 0 && options['tls.client_ca'] === undefined) {
    problems.warn(
      'authentication: EVERY CALL IS REFUSED, ' +
        'because [auth.jwt] or [users] is there, but no secret or token of theirs is usable',
    );
  }
  for (const { name, secret } of jwt) {
    if (Buffer.byteLength(secret.reveal()) < JWT_SECRET_BYTES_MIN) {
      problems.warn(
        `auth.jwt.secrets: secret ${name} is shorter than ${JWT_SECRET_BYTES_MIN} bytes and can be guessed`,
      );
    }
  }
}
