// The metrics page: asks the node once, works out all families from that one answer, and lets prom-client write them
// with the metrics of the process. Scrapes that come at the same time share one look, so that they cannot pile up.
// Lives on: main, one an admin port. Called by: node-routes.ts.
import { collectDefaultMetrics, type Gauge, Registry } from 'prom-client';
import type { NodeView } from '../broker/node-view.ts';
import { HSMQ_METRICS } from './hsmq-metrics.ts';
import type { MetricFamily, NodeSample } from './metric-family.ts';
import { RINGMQ_METRICS } from './ringmq-metrics.ts';

export interface MetricsOptions {
  readonly view: NodeView;
  /** More queues than this get no series of their own. */
  readonly queueSeriesMax: number;
  /** Besides a metric's own, which win where names are the same. */
  readonly labels?: Readonly<Record<string, string>>;
}

let ofProcess: Registry | undefined;

/** Metrics of the process; observers of it are set up once, however many ports show them. */
function processRegistry(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

export class Metrics {
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  #sample: NodeSample | undefined;
  #scrape: Promise<string> | undefined;

  constructor(options: MetricsOptions) {
    this.#options = options;
    for (const family of [...HSMQ_METRICS, ...RINGMQ_METRICS]) this.#register(family);
    // All ports of a process have the same labels, so that the shared registry can have them too.
    for (const registry of [this.#registry, processRegistry()]) registry.setDefaultLabels(options.labels ?? {});
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    this.#scrape ??= this.#render().finally(() => {
      this.#scrape = undefined;
    });
    return this.#scrape;
  }

  async #render(): Promise<string> {
    this.#sample = await this.#look();
    try {
      return `${await this.#registry.metrics()}${await processRegistry().metrics()}`;
    } finally {
      this.#sample = undefined;
    }
  }

  async #look(): Promise<NodeSample> {
    const { view, queueSeriesMax } = this.#options;
    const [{ shards }, { queues }] = await Promise.all([
      view.stats(),
      view.queues({ limit: Number.MAX_SAFE_INTEGER, offset: 0 }),
    ]);
    const summed = queues.length > queueSeriesMax;
    return { view, shards, queues, listed: summed ? [] : queues, summed, queueSeriesMax };
  }

  /**
   * prom-client takes anything that answers get() with values: so nothing is stored twice, and a gone queue is gone.
   */
  #register(family: MetricFamily): void {
    const { name, help, type, values } = family;
    const get = async () => ({
      name,
      help,
      type,
      aggregator: 'sum',
      values: this.#sample === undefined ? [] : values(this.#sample),
    });
    this.#registry.registerMetric({ name, get } as unknown as Gauge);
  }
}
