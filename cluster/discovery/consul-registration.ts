// Shows this node in Consul from start to stop: registers it, tells that it lives where the check is a TTL, registers
// it again when its agent has forgotten it, and takes it out when the node leaves.
// An edge: timers, and the requests of consul-client.ts.
import { DISCOVERY_LIMITS } from '../limits.ts';
import type { ConsulClient } from './consul-client.ts';
import { consulRetryMs } from './consul-health.ts';
import { type ConsulService, checkIdOf, registrationOf } from './consul-service.ts';
import { type After, afterTimeout, type ReportDiscovery } from './discovery.ts';

export interface ConsulHealth {
  readonly status: 'passing' | 'warning' | 'critical';
  /** For people. */
  readonly output: string;
}

export interface ConsulRegistrationOptions {
  readonly client: ConsulClient;
  readonly service: ConsulService;
  /** What a TTL check is told. Default: passing. */
  readonly health?: (() => ConsulHealth) | undefined;
  readonly report?: ReportDiscovery | undefined;
  readonly after?: After | undefined;
  /** In [0, 1). */
  readonly random?: (() => number) | undefined;
}

export class ConsulRegistration {
  readonly #client: ConsulClient;
  readonly #service: ConsulService;
  readonly #body: Readonly<Record<string, unknown>>;
  readonly #source: string;
  readonly #health: () => ConsulHealth;
  readonly #report: ReportDiscovery;
  readonly #after: After;
  readonly #random: () => number;
  #registered = false;
  /** Whether Consul may know this node. */
  #tried = false;
  #stopped = false;
  #failures = 0;
  #step: Promise<void> = Promise.resolve();
  #cancelNext: () => void = () => {};

  constructor(options: ConsulRegistrationOptions) {
    this.#client = options.client;
    this.#service = options.service;
    this.#body = registrationOf(options.service);
    this.#source = `consul registration ${options.service.id}`;
    this.#health = options.health ?? (() => ({ status: 'passing', output: 'serving' }));
    this.#report = options.report ?? (() => {});
    this.#after = options.after ?? afterTimeout;
    this.#random = options.random ?? Math.random;
  }

  start(): void {
    this.#step = this.#work();
  }

  /**
   * Takes the node out of Consul. A request on its way is waited for: were it given up, Consul might register after it
   * deregistered. Never rejects.
   */
  async stop(): Promise<void> {
    if (this.#stopped) return this.#step;
    this.#stopped = true;
    this.#cancelNext();
    const running = this.#step;
    this.#step = running.then(() => this.#leave());
    await this.#step;
  }

  async #work(): Promise<void> {
    let delayMs = this.#intervalMs();
    try {
      const known = this.#registered && (await this.#confirm());
      if (!known) await this.#register();
      if (this.#failures > 0) this.#report({ kind: 'recovered', source: this.#source });
      this.#failures = 0;
    } catch (thrown) {
      this.#failures++;
      if (this.#failures === 1) this.#reportFailure(thrown);
      const retryMs = consulRetryMs(this.#failures, this.#random());
      // What is registered wants to be confirmed in time, however often that failed.
      delayMs = this.#registered ? Math.min(delayMs, retryMs) : retryMs;
    }
    if (this.#stopped) return;
    this.#cancelNext = this.#after(delayMs, () => {
      this.#step = this.#work();
    });
  }

  async #register(): Promise<void> {
    this.#registered = false;
    this.#tried = true;
    await this.#client.request({ method: 'PUT', path: '/v1/agent/service/register', body: this.#body });
    this.#registered = true;
  }

  /** Tells the agent that the node lives, or asks whether it is known. False: the agent has forgotten it. */
  async #confirm(): Promise<boolean> {
    const { status } =
      this.#service.check?.kind === 'ttl'
        ? await this.#tellHealth()
        : await this.#client.request({
            method: 'GET',
            path: `/v1/agent/service/${encodeURIComponent(this.#service.id)}`,
            accept: [404],
          });
    return status === 200;
  }

  #tellHealth(): Promise<{ readonly status: number }> {
    const { status, output } = this.#health();
    return this.#client.request({
      method: 'PUT',
      path: `/v1/agent/check/update/${encodeURIComponent(checkIdOf(this.#service))}`,
      body: { Status: status, Output: output },
      // Older agents say 500 of a check they do not know.
      accept: [404, 500],
    });
  }

  async #leave(): Promise<void> {
    if (!this.#tried) return;
    const path = `/v1/agent/service/deregister/${encodeURIComponent(this.#service.id)}`;
    const timeoutMs = DISCOVERY_LIMITS.consulLeaveTimeoutMs;
    try {
      // A service that is not there need not be taken out.
      await this.#client.request({ method: 'PUT', path, timeoutMs, accept: [404] });
    } catch (thrown) {
      this.#reportFailure(thrown);
    }
  }

  #intervalMs(): number {
    const { check } = this.#service;
    return check?.kind === 'ttl' ? check.ttlMs / 3 : DISCOVERY_LIMITS.consulVerifyMs;
  }

  #reportFailure(thrown: unknown): void {
    const reason = thrown instanceof Error ? thrown.message : 'an unknown error';
    this.#report({ kind: 'failed', source: this.#source, reason });
  }
}
